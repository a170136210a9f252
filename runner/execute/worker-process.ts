/** The process of a worker, as the runner sees it: its pipes, its end, its signals. */
import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { LineReader, reportDescriptor } from './worker/protocol.js';
import { signalGroup } from './worker/workshop/group.js';

export interface ProcessEnd {
  readonly code: number | undefined;
  readonly signal: string | undefined;
  readonly message: string | undefined;
}

export interface WorkerProcess {
  /** Absent where it never began. */
  readonly stdin?: Writable;
  readonly gone: Promise<ProcessEnd>;
  signal(name: NodeJS.Signals): void;
  checkpoint(): void;
}

interface StartOptions {
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Takes its reports, a line each. */
  readonly onLine: (line: string) => void;
  /** Takes what its stage prints. */
  readonly onOutput: (text: string) => void;
}

/** Starts it; where the system does not, it has ended at once. */
export function startProcess({ command, cwd, env, onLine, onOutput }: StartOptions): WorkerProcess {
  const [program, ...args] = command;
  let child: ChildProcess;
  try {
    // Detached: the leader of a group of its own, which Ctrl-C in the terminal doesn't reach and a kill takes whole.
    const stdio = ['pipe', 'pipe', 'pipe', 'pipe'] as const;
    child = spawn(program, args, { cwd, env, detached: true, stdio: [...stdio] });
  } catch (error) {
    return unstarted(error);
  }
  const gone = endOf(child);
  // Where too much is open to make them, it has no pipes at all.
  const pipes = (child.stdio as ChildProcess['stdio'] | undefined) ?? [];
  const stdin = pipes[0];
  stdin?.on('error', () => undefined); // the end of the process says more
  const reader = new LineReader(onLine);
  listen(pipes[reportDescriptor] as Readable | null | undefined, (text) => reader.push(text));
  listen(child.stdout, onOutput);
  listen(child.stderr, onOutput);
  return {
    ...(stdin ? { stdin } : {}),
    gone,
    signal: (name) => signalGroup(child.pid, name),
    checkpoint: () => void child.kill('SIGUSR1'),
  };
}

/** When all that it said was heard; at once where it never began. */
function endOf(child: ChildProcess): Promise<ProcessEnd> {
  return new Promise((resolve) => {
    child.on('error', ({ message }) => {
      if (child.pid === undefined) resolve({ code: undefined, signal: undefined, message });
    });
    child.once('close', (code, signal) => {
      resolve({ code: code ?? undefined, signal: signal ?? undefined, message: undefined });
    });
  });
}

/** A process that the system refused outright. */
const unstarted = (error: unknown): WorkerProcess => ({
  gone: Promise.resolve({ code: undefined, signal: undefined, message: (error as Error).message }),
  signal: () => undefined,
  checkpoint: () => undefined,
});

function listen(stream: Readable | null | undefined, onText: (text: string) => void): void {
  stream
    ?.setEncoding('utf8')
    .on('data', onText)
    .on('error', () => undefined);
}
