/** The events of a cell's attempts as stretches to send, cut the same way whoever sends them. */
import type { CellId } from '../../pipeline.js';
import { Tail, type Attempt, type Store } from '../../store/index.js';
import type { StageEvent } from '../../../schemas/protocol.js';
import type { SentCell, Stretch } from './sent.js';
import { stageEvent } from '../follow.js';

/** Metrics of a stretch: as many as a call takes, and one place for the tag that says how far it goes. */
const mostMetrics = 999;
/** Judgments of a stretch, each of which is calls of its own. */
const mostJudgments = 50;

export interface Piece extends Stretch {
  readonly events: readonly StageEvent[];
}

export class EventStream {
  readonly #store: Store;
  readonly #run: string;
  readonly #cell: CellId;
  #number: number;
  #last: number;
  #tail: Tail | undefined;
  #queue: StageEvent[] = [];
  #resend: Stretch | undefined;

  /** From behind what is there; what was being sent when the last sender died comes first, exactly as it was cut. */
  constructor(
    store: Store,
    run: string,
    cell: CellId,
    { sent, sending }: Pick<SentCell, 'sent' | 'sending'>,
  ) {
    this.#store = store;
    this.#run = run;
    this.#cell = cell;
    this.#number = sent?.attempt ?? 0;
    this.#last = sent?.last ?? 0;
    const isOpen = sending && (sending.attempt > this.#number || sending.last > this.#last);
    if (isOpen) this.#resend = sending;
  }

  /** The next stretch with something to send; undefined where nothing is to be sent now. */
  next(): Piece | undefined {
    for (;;) {
      this.#fill();
      const piece = this.#cut();
      if (piece && piece.events.length > 0) return piece;
      if (!piece && !this.#advance()) return undefined;
    }
  }

  /** It was taken: what comes next stands behind it. */
  taken({ last }: Stretch): void {
    this.#queue = this.#queue.filter(({ seq }) => seq > last);
    this.#last = last;
    this.#resend = undefined;
  }

  /** Reads no more than is to be sent soon: while a server is away, events stay on the disk. */
  #fill(): void {
    if (this.#queue.length > mostMetrics) return;
    this.#tail ??= this.#open();
    for (const line of this.#tail?.read() ?? []) {
      const event = stageEvent(line);
      if (event && event.seq > this.#last) this.#queue.push(event);
    }
  }

  #open(): Tail | undefined {
    const attempt = this.#attempts().find(({ number }) => number === this.#number);
    return attempt && new Tail(attempt.events);
  }

  #attempts(): readonly Attempt[] {
    return this.#store.attempts.list(this.#run, this.#cell);
  }

  /** A piece with nothing to send is skipped at once. */
  #cut(): Piece | undefined {
    const [first] = this.#queue;
    if (!first) return undefined;
    const until = this.#resend?.attempt === this.#number ? this.#resend.last : Infinity;
    const events: StageEvent[] = [];
    let last = first.seq;
    let judgments = 0;
    for (const event of this.#queue) {
      if (event.seq > until || events.length >= mostMetrics || judgments >= mostJudgments) break;
      last = event.seq;
      if (event.type === 'judgment') judgments += 1;
      if (event.type === 'metric' || event.type === 'judgment') events.push(event);
    }
    const piece = { attempt: this.#number, first: first.seq, last, events };
    if (events.length === 0) this.taken(piece);
    return piece;
  }

  /** On to the next attempt, once there is one: then nobody writes to this one any more, and it was read to its end. */
  #advance(): boolean {
    const next = this.#attempts().find(({ number }) => number > this.#number);
    if (!next) return false;
    this.#fill();
    if (this.#queue.length > 0) return true;
    this.#number = next.number;
    this.#last = 0;
    this.#tail = undefined;
    return true;
  }
}
