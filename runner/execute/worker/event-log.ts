import { closeSync, openSync } from 'node:fs';
import type { JudgmentBody, StageEvent, StageEventBody } from '../../../schemas/protocol.js';
import { StageFailure } from '../../contract.js';
import { writeAll } from '../../store/disk.js';
import { sealLine } from '../../store/lines.js';

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
  #closed = false;

  constructor(options: EventLogOptions) {
    this.#options = options;
    this.#file = openSync(options.path, 'a');
  }

  /** @throws StageFailure where an event says what it can't mean: `refused` in this file */
  append(body: StageEventBody): void {
    // Of a promise that nobody waited for: the cell is over, and its file may be another one's by now.
    if (this.#closed) return;
    const refusal = refused(body);
    if (refusal) throw new StageFailure('user', refusal.code, refusal.message);
    const event: StageEvent = { time: Math.trunc(this.#options.now()), seq: ++this.#seq, ...shortened(body) };
    const line = sealLine(JSON.stringify({ ...event, attempt: this.#options.attempt }));
    writeAll(this.#file, Buffer.from(line));
    this.#options.onEvent(event);
  }

  close(): void {
    this.#closed = true;
    closeSync(this.#file);
  }
}

interface Refusal {
  readonly code: string;
  readonly message: string;
}

/**
 * What no schema says of an event: numbers are finite, since JSON has no others and a run that diverged is no result;
 * a judge that answered said what.
 */
export function refused(event: StageEventBody): Refusal | undefined {
  if (event.type === 'metric' && !Number.isFinite(event.value)) {
    const message = `the metric ${event.name} is ${event.value} at step ${event.step}; a lower learning rate may help`;
    return { code: 'metric-not-finite', message };
  }
  if (event.type === 'sample' && !event.rewards.every(Number.isFinite))
    return { code: 'reward-not-finite', message: `a reward is not finite: ${event.rewards.join(', ')}` };
  return event.type === 'judgment' ? refusedJudgment(event) : undefined;
}

function refusedJudgment({ judge, status, verdict, responses }: JudgmentBody): Refusal | undefined {
  const wrong = (message: string): Refusal => ({
    code: 'judgment',
    message: `the judgment of ${judge} ${message}`,
  });
  if (status !== 'ok') return undefined;
  if (verdict === undefined) return wrong('has the status `ok` and no `verdict`');
  if (typeof verdict === 'number' && !Number.isFinite(verdict))
    return wrong(`is ${verdict}; a mark is finite`);
  return responses.length === 2 && verdict !== 'first' && verdict !== 'second'
    ? wrong(
        `of two responses is ${JSON.stringify(verdict)}; it is \`first\` or \`second\`, and a tie is a status`,
      )
    : undefined;
}

/** Long texts are cut, never dropped. */
function shortened(body: StageEventBody): StageEventBody {
  const cut = (text: string): string => cutAt(text, maxEventLength / 4);
  switch (body.type) {
    case 'log':
      return { ...body, text: cut(body.text) };
    case 'note':
      return { ...body, markdown: cut(body.markdown) };
    case 'sample':
      return { ...body, prompt: cut(body.prompt), response: cut(body.response) };
    case 'judgment':
      return shortJudgment(body);
    case 'metric':
    case 'progress':
    case 'artifact':
      return body;
  }
}

/** Four texts share a line. */
function shortJudgment(body: JudgmentBody): JudgmentBody {
  const cut = (text: string): string => cutAt(text, maxEventLength / 8);
  return {
    ...{ ...body, prompt: cut(body.prompt), responses: body.responses.map(cut) },
    ...(body.rationale === undefined ? {} : { rationale: cut(body.rationale) }),
  };
}

const cutAt = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, most)}... (cut)`;
