/** A command of the user's in a process group of its own, watched to its last process. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { StageFailure, type CommandEnd } from '../../../contract.js';
import { endStrays, groupGone, isGroupAlive, signalGroup } from './group.js';
import { Redactor, type Pattern } from './secrets.js';

/** What the command leaves running gets so long to end by itself. */
const leftGrace = 2000;
const killLimit = 10_000;
/** A process that nobody found may hold the pipes open: what was written before is read, then they are closed. */
const quiet = 50;
const longestDrain = 1000;
const tailBytes = 4000;

/**
 * Waits for a word before it becomes the command: nothing of the user's starts before its group is known to all who
 * might have to end it. Where the supervisor dies first, the word never comes.
 */
const gate = 'IFS= read -r word <&3 || exit 125; exec 3<&-; exec /bin/sh -eu "$1"';

export interface CommandOrder {
  /** File with the script. */
  readonly script: string;
  readonly folder: string;
  readonly variables: Readonly<Record<string, string>>;
  /** A path that stands in the variables of this command only. */
  readonly mark: string;
  readonly secrets: readonly Pattern[];
  readonly signal: AbortSignal;
  /** Milliseconds between TERM and KILL. */
  readonly grace: () => number;
  /** Told of the group before it runs, and with undefined when nothing of it is left. */
  readonly onGroup: (group: number | undefined) => void;
  /** What it prints, without secrets. */
  readonly onOutput: (bytes: Buffer) => void;
  readonly onNote: (text: string) => void;
}

export async function runCommand(order: CommandOrder): Promise<CommandEnd> {
  order.signal.throwIfAborted();
  const kills = oomKills();
  const child = start(order);
  const exited = exitOf(child);
  const group = child.pid;
  if (group === undefined) return exited.then(() => Promise.reject(unstarted));
  const output = new Output(child, order);
  const obey = stopper(group, order);
  try {
    order.onGroup(group);
    (child.stdio[3] as Writable).end('go\n');
    const { code, signal } = await exited;
    await endRest(group, order);
    await output.drained();
    order.signal.throwIfAborted();
    return {
      ...(code === null ? {} : { code }),
      ...(signal === null ? {} : { signal }),
      outOfMemory: oomKills() > kills,
      tail: output.tail,
    };
  } finally {
    obey.stop();
    if (isGroupAlive(group)) signalGroup(group, 'SIGKILL');
    order.onGroup(undefined);
  }
}

const unstarted = new StageFailure(
  'infrastructure',
  'command',
  'the command could not be started: the system allows no more processes',
);

function start({ script, folder, variables }: CommandOrder): ChildProcess {
  const child = spawn('/bin/sh', ['-c', gate, 'moft', script], {
    cwd: folder,
    env: variables,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  // Where too much is open to make them, it has no pipes at all; its end says more, as it does of an error of one.
  (child.stdio as ChildProcess['stdio'] | undefined)?.[3]?.on('error', () => undefined);
  return child;
}

interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Of the first process only: others may hold its pipes. */
async function exitOf(child: ChildProcess): Promise<Exit> {
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return { code, signal };
  } catch (error) {
    throw new StageFailure(
      'infrastructure',
      'command',
      `the command could not be started: ${(error as Error).message}`,
    );
  }
}

/** A request to stop: TERM, a grace period, then KILL, to the whole group. */
function stopper(group: number, { signal, grace }: CommandOrder): { stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    signalGroup(group, 'SIGTERM');
    timer = setTimeout(() => signalGroup(group, 'SIGKILL'), grace());
  };
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  return {
    stop: () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    },
  };
}

/** Outputs are taken only when nothing is left that could write to them. */
async function endRest(group: number, { mark, signal, onNote }: CommandOrder): Promise<void> {
  if (isGroupAlive(group)) {
    signalGroup(group, 'SIGTERM');
    const ended = await groupGone(group, leftGrace);
    if (!ended) signalGroup(group, 'SIGKILL');
    if (!ended && !(await groupGone(group, killLimit))) throw stuck;
    if (!signal.aborted)
      onNote('the command ended and left processes running; they were ended before its outputs were taken');
  }
  const count = await endStrays(mark, killLimit);
  if (count > 0)
    onNote(`${count} process${count === 1 ? '' : 'es'} that the command detached from itself ended with it`);
}

const stuck = new StageFailure(
  'infrastructure',
  'command',
  'a process of the command can not be ended; it hangs in the system, often on a disk or a network share',
);

class Output {
  tail = '';
  readonly #streams: readonly Readable[];
  readonly #closed: Promise<unknown>;
  readonly #order: CommandOrder;
  #heard = 0;

  constructor(child: ChildProcess, order: CommandOrder) {
    this.#order = order;
    this.#streams = [child.stdout, child.stderr].flatMap((stream) => stream ?? []);
    this.#closed = Promise.all(this.#streams.map((stream) => this.#listen(stream)));
  }

  async #listen(stream: Readable): Promise<void> {
    const redactor = new Redactor(this.#order.secrets);
    stream.on('error', () => undefined);
    stream.on('data', (chunk: Buffer) => {
      this.#heard += 1;
      this.#show(redactor.push(chunk));
    });
    await once(stream, 'close');
    this.#show(redactor.end());
  }

  #show(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.tail = (this.tail + bytes.toString('utf8')).slice(-tailBytes);
    this.#order.onOutput(bytes);
  }

  /** Everything that the command printed is shown. */
  async drained(): Promise<void> {
    const ended = new AbortController();
    const silent = async (): Promise<void> => {
      for (let waited = 0, heard = -1; heard !== this.#heard && waited < longestDrain; waited += quiet) {
        heard = this.#heard;
        await sleep(quiet, undefined, { signal: ended.signal });
      }
    };
    await Promise.race([this.#closed, silent()]);
    ended.abort(); // a timer that goes on would look like one that the cell left behind
    for (const stream of this.#streams) stream.destroy();
    await this.#closed;
  }
}

/** How often the system has killed for want of memory since it started; 0 where it doesn't tell. */
function oomKills(): number {
  try {
    return Number(/^oom_kill (\d+)$/m.exec(readFileSync('/proc/vmstat', 'latin1'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
