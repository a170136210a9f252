/** Runs mutants in child processes, each watched: for exceptions, for hangs, for memory. */
import { type ChildProcess, fork } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Told, Work } from './child.js';

export interface Failure {
  readonly index: number;
  readonly problem: string;
}
export interface Campaign {
  readonly failures: readonly Failure[];
  /** Of every mutant, in no order. */
  readonly milliseconds: readonly number[];
  /** The greatest resident size of any child. */
  readonly peakBytes: number;
}

/** Longest that one mutant may take, and the most memory of a child. The goals are lower: see bench/fuzz.ts. */
export const limits = { milliseconds: 20_000, bytes: 512 * 2 ** 20 };

/** Judges `count` mutants of a seed in a few processes at once. */
export async function runCampaign(seed: number, count: number, processes: number): Promise<Campaign> {
  const parts = await Promise.all(
    Array.from({ length: processes }, (_, from) => runPart({ seed, from, to: count, step: processes })),
  );
  return {
    failures: parts.flatMap(({ failures }) => failures).sort((a, b) => a.index - b.index),
    milliseconds: parts.flatMap(({ milliseconds }) => milliseconds),
    peakBytes: Math.max(...parts.map(({ peakBytes }) => peakBytes)),
  };
}

/** One child after the other: where one is killed, the next goes on behind the mutant that it met. */
async function runPart(work: Work): Promise<Campaign> {
  const failures: Failure[] = [];
  const milliseconds: number[] = [];
  let peakBytes = 0;
  for (let from: number | undefined = work.from; from !== undefined;) {
    const ended = await runChild({ ...work, from }, failures, milliseconds);
    peakBytes = Math.max(peakBytes, ended.peakBytes);
    from = ended.at === undefined ? undefined : ended.at + work.step;
  }
  return { failures, milliseconds, peakBytes };
}

interface Ended {
  readonly peakBytes: number;
  /** The mutant that it ended at, where it did not finish. */
  readonly at?: number;
}

function runChild(work: Work, failures: Failure[], milliseconds: number[]): Promise<Ended> {
  const child = fork(join(import.meta.dirname, 'child.js'), { execArgv: ['--max-old-space-size=512'] });
  let at = work.from;
  let peakBytes = 0;
  let finished = false;
  let why: string | undefined;
  const stop = (reason: string): void => {
    why ??= reason;
    child.kill('SIGKILL');
  };
  let hang = setTimeout(() => stop('never began'), limits.milliseconds);
  const memory = setInterval(() => {
    peakBytes = Math.max(peakBytes, residentBytes(child));
    if (peakBytes > limits.bytes) stop(`took ${Math.round(peakBytes / 2 ** 20)} MiB`);
  }, 50);
  child.on('message', (message) => {
    const told = message as Told;
    if ('begun' in told) {
      at = told.begun;
      clearTimeout(hang);
      hang = setTimeout(() => stop(`took more than ${limits.milliseconds / 1000} s`), limits.milliseconds);
    } else if ('done' in told) {
      milliseconds.push(told.milliseconds);
      if (told.problem !== undefined) failures.push({ index: told.done, problem: told.problem });
    } else {
      finished = true;
      peakBytes = Math.max(peakBytes, told.peakBytes);
      if (peakBytes > limits.bytes)
        failures.push({ index: at, problem: `the process took ${Math.round(peakBytes / 2 ** 20)} MiB` });
    }
  });
  child.send(work);
  return new Promise((resolve) => {
    child.once('close', (code, signal) => {
      clearTimeout(hang);
      clearInterval(memory);
      if (!finished)
        failures.push({ index: at, problem: why ?? `the process ended: ${String(signal ?? code)}` });
      resolve({ peakBytes, ...(finished ? {} : { at }) });
    });
  });
}

/** Resident size of a process, as Linux tells it; 0 elsewhere, where the child's own word at its end counts. */
function residentBytes({ pid }: ChildProcess): number {
  const file = `/proc/${String(pid)}/status`;
  if (!existsSync(file)) return 0;
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(file, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0; // it ended in between
  }
}
