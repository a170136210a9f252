/**
 * What the runner and a warm worker say to each other: one JSON object a line, commands on the worker's stdin,
 * reports on its descriptor 3 (stdout and stderr belong to the stage). A closed stdin means that the runner is
 * gone: the worker kills itself and its process group.
 */
import type { Failure, StageEvent } from '../../../schemas/protocol.js';
import type { JsonObject } from '../../../schemas/json.js';

/** Why a worker goes whose cell was stopped: it was asked to, so that nobody needs a note. */
export const stoppedWorker = 'a worker was replaced because it was told to stop';

export type WorkerCommand =
  | {
      readonly type: 'run';
      /** Absolute path of job.json; events.jsonl and exit.json are written beside it. */
      readonly job: string;
      /** Of the lease that the attempt runs under. */
      readonly epoch: number;
      readonly restarts: number;
    }
  | {
      readonly type: 'stop';
      /** Milliseconds until the worker is killed. */
      readonly grace: number;
    };

export type WorkerReport =
  | { readonly type: 'ready' }
  /** With the nonce of the attempt: what one says late is not another one's. */
  | { readonly type: 'event'; readonly attempt: string; readonly event: StageEvent }
  /** Something happens, though no event says what. At most one a second. */
  | { readonly type: 'alive' }
  /** A command of the user's runs in this process group, which ends with the worker; null when it has ended. */
  | { readonly type: 'group'; readonly group: number | null }
  | {
      readonly type: 'finished';
      /** Why this worker should not be used again. */
      readonly retire?: string;
      /** Of the cell itself: the start of the worker isn't its fault. */
      readonly seconds: number;
      /** Resident bytes after the cell. */
      readonly rss: number;
      /** Node version, platform, host, engine: for the record, never for the key. */
      readonly environment: JsonObject;
      /** Where exit.json could not be written. */
      readonly failure?: Failure;
    };

export const reportDescriptor = 3;

/** A line as a report; undefined where it is none: stages can write to any descriptor. */
export function readReport(line: string): WorkerReport | undefined {
  try {
    const report = JSON.parse(line) as WorkerReport | null;
    return typeof report?.type === 'string' ? report : undefined;
  } catch {
    return undefined;
  }
}

/** Cuts a stream of text into lines; what follows the last newline waits for the next chunk. */
export class LineReader {
  #rest = '';
  readonly #onLine: (line: string) => void;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: string): void {
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') this.#onLine(line);
  }
}
