/** Reads the events that a command appends to a file, one JSON a line, while it runs; each is checked. */
import { closeSync, openSync, readSync } from 'node:fs';
import type { StageEventBody } from '../../../../schemas/protocol.js';
import { StageFailure } from '../../../contract.js';
import { eventProblem } from './event-problem.js';

/** Bytes. */
const longestLine = 65_536;
const mostEvents = 1_000_000;
const chunkBytes = 1 << 18;

/** Fields that the worker and the runner give to an event. */
const given = new Set(['time', 'seq', 'attempt', 'cell', 'run']);

export class EventsFile {
  readonly #file: number;
  readonly #emit: (event: StageEventBody) => void;
  readonly #redact: (text: string) => string;
  readonly #buffer = Buffer.alloc(chunkBytes);
  #position = 0;
  #rest = Buffer.alloc(0);
  #lines = 0;
  #reading: Promise<void> = Promise.resolve();

  constructor(path: string, emit: (event: StageEventBody) => void, redact: (text: string) => string) {
    this.#file = openSync(path, 'a+', 0o600);
    this.#emit = emit;
    this.#redact = redact;
  }

  /** Reads what was appended since. @throws StageFailure at the first line that is no event */
  poll(): Promise<void> {
    this.#reading = this.#reading.then(() => this.#read());
    return this.#reading;
  }

  /** Reads to the end; a last line needs no newline. */
  async finish(): Promise<void> {
    await this.poll();
    if (this.#rest.length > 0) await this.#line(this.#rest);
    this.#rest = Buffer.alloc(0);
  }

  close(): void {
    closeSync(this.#file);
  }

  async #read(): Promise<void> {
    for (;;) {
      const count = readSync(this.#file, this.#buffer, 0, chunkBytes, this.#position);
      if (count === 0) return;
      this.#position += count;
      let bytes = Buffer.concat([this.#rest, this.#buffer.subarray(0, count)]);
      for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10)) {
        await this.#line(bytes.subarray(0, end));
        bytes = bytes.subarray(end + 1);
      }
      if (bytes.length > longestLine) this.#refuse(`is longer than ${longestLine} bytes`, this.#lines + 1);
      this.#rest = Buffer.from(bytes);
    }
  }

  async #line(bytes: Buffer): Promise<void> {
    this.#lines += 1;
    if (bytes.length > longestLine) this.#refuse(`is longer than ${longestLine} bytes`);
    const text = bytes.toString('utf8').trim();
    if (text === '') return;
    if (this.#lines > mostEvents) this.#refuse(`is one more than the ${mostEvents} that a cell may write`);
    const event = this.#parse(text);
    const problem = await eventProblem(event);
    if (problem !== undefined) this.#refuse(this.#redact(problem));
    this.#emit(this.#cleaned(event) as StageEventBody);
  }

  #parse(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch {
      const number = /\b(NaN|-?Infinity)\b/.exec(text)?.[1];
      return this.#refuse(
        number === undefined ? 'is not JSON' : `holds ${number}, which JSON has not: numbers must be finite`,
      );
    }
  }

  /** Without secrets in any text, and without what is ours to give. */
  #cleaned(value: unknown, top = true): unknown {
    if (typeof value === 'string') return this.#redact(value);
    if (Array.isArray(value)) return value.map((item) => this.#cleaned(item, false));
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).filter(([name]) => !(top && given.has(name)));
    return Object.fromEntries(
      entries.map(([name, item]) => [this.#redact(name), this.#cleaned(item, false)]),
    );
  }

  #refuse(what: string, line = this.#lines): never {
    throw new StageFailure('user', 'event', `line ${line} of MOFT_EVENTS ${what}`);
  }
}
