import { closeSync, openSync, writeSync } from 'node:fs';
import type { StageEvent, StageEventBody } from '../../../schemas/protocol.js';
import { StageFailure } from '../../contract.js';

/** Longest line of events.jsonl, in UTF-16 code units. */
export const maxEventLength = 65_536;

export interface EventLogOptions {
  readonly path: string;
  /** Nonce of the attempt, on every line. */
  readonly attempt: string;
  /** Wall clock in ms. */
  readonly now: () => number;
  readonly onEvent: (event: StageEvent) => void;
}

/** Writes events.jsonl: each event at once, with its time and seq, so that nothing is lost when the process dies. */
export class EventLog {
  readonly #options: EventLogOptions;
  readonly #file: number;
  #seq = 0;

  constructor(options: EventLogOptions) {
    this.#options = options;
    this.#file = openSync(options.path, 'a');
  }

  /** @throws StageFailure where a number isn't finite; JSON could not say it, and a run that diverged is no result. */
  append(body: StageEventBody): void {
    refuseNonFinite(body);
    const event: StageEvent = { time: Math.trunc(this.#options.now()), seq: ++this.#seq, ...shortened(body) };
    writeSync(this.#file, JSON.stringify({ ...event, attempt: this.#options.attempt }) + '\n');
    this.#options.onEvent(event);
  }

  close(): void {
    closeSync(this.#file);
  }
}

function refuseNonFinite(event: StageEventBody): void {
  if (event.type === 'metric' && !Number.isFinite(event.value)) {
    const text = `the metric ${event.name} is ${event.value} at step ${event.step}; a lower learning rate may help`;
    throw new StageFailure('user', 'metric-not-finite', text);
  }
  if (event.type === 'sample' && !event.rewards.every(Number.isFinite)) {
    throw new StageFailure(
      'user',
      'reward-not-finite',
      `a reward is not finite: ${event.rewards.join(', ')}`,
    );
  }
}

/** Long texts are cut, never dropped. */
function shortened(body: StageEventBody): StageEventBody {
  const cut = (text: string): string =>
    text.length <= maxEventLength / 4 ? text : `${text.slice(0, maxEventLength / 4)}... (cut)`;
  switch (body.type) {
    case 'log':
      return { ...body, text: cut(body.text) };
    case 'note':
      return { ...body, markdown: cut(body.markdown) };
    case 'sample':
      return { ...body, prompt: cut(body.prompt), response: cut(body.response) };
    case 'metric':
    case 'progress':
    case 'artifact':
      return body;
  }
}
