import type { KindRegistry } from '../runner/contract.js';
import type { Clock } from '../runner/execute/clock.js';
import type { PoolOptions, Workers } from '../runner/execute/pool.js';
import type { EngineHost } from '../runner/execute/worker/host.js';
import type { Code, CodeProblem } from '../runner/plan/index.js';
import type { OpenOptions } from '../runner/store/index.js';
import type { Result } from '../schemas/result.js';

/** Where text goes; only what this command needs of a stream. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** What is wrong with the environment; the code is for scripts. */
export interface Trouble {
  readonly message: string;
  readonly hint?: string | undefined;
  readonly code?: string;
}

/** The world of a command: everything that comes from outside, so that tests can give another one. */
export interface CliHost {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute path of the working folder. */
  readonly cwd: string;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Hears of trouble with the environment when it is printed, for what `--json` says of it. */
  readonly onProblem?: (problem: Trouble) => void;
  readonly clock: Clock;
  /** Asks the person at the terminal; absent where there is none. */
  readonly ask?: (question: string) => Promise<string>;
  /** Another disk or other lease times than the product's: tests break the one and shorten the others. */
  readonly store?: Pick<OpenOptions, 'disk' | 'heartbeat'>;
  /** Milliseconds between TERM and KILL of a worker that is to stop; default as the pool's. */
  readonly grace?: number;
  /** Milliseconds that a run which has ended waits for its tracker; default by what the run did. */
  readonly farewell?: number;
  /** The program and arguments that start moft itself, before those of a command. */
  readonly moftCommand: readonly [string, ...string[]];
  /** Runs cells otherwise than in processes of a pool. */
  workers?(options: PoolOptions): Workers;
  /** The program and arguments that start a worker. */
  readonly workerCommand: readonly [string, ...string[]];
  kinds(): Promise<KindRegistry>;
  code(): Promise<Result<Code, CodeProblem>>;
  engine(): Promise<EngineHost>;
  /**
   * Calls back at each request to stop (Ctrl-C, TERM, HUP); where it answers `enough`, the next Ctrl-C ends this process.
   * Returns how to stop listening.
   */
  onInterrupt(callback: () => 'enough' | undefined): () => void;
  /** Calls back at each request to keep checkpoints (USR1, as a cluster sends it); returns how to stop listening. */
  onCheckpoint(callback: () => void): () => void;
}
