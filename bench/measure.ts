/** What a command costs: seconds on the clock, processor seconds with its children, and the most memory it held. */
import { spawn } from 'node:child_process';
import { appendFileSync, readFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';

export interface Cost {
  readonly seconds: number;
  /** User and system time, children included. */
  readonly cpu: number;
  /** Of the command itself; 0 where the system has no /proc. */
  readonly mebibytes: number;
}

export interface Command {
  readonly argv: readonly [string, ...string[]];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a command to its end; one that fails is no measurement. */
export async function cost({ argv, cwd, env }: Command): Promise<Cost> {
  const child = spawn('bash', ['-c', 'TIMEFORMAT="%R %U %S"; time "$@" >/dev/null 2>&1', 'bash', ...argv], {
    env: { ...process.env, ...env, LC_ALL: 'C' },
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
  });
  let told = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (told += text));
  let mebibytes = 0;
  const watch = setInterval(() => (mebibytes = Math.max(mebibytes, peak(child.pid))), 10);
  const status = await new Promise((resolve) => child.on('close', resolve));
  clearInterval(watch);
  if (status !== 0) throw new Error(`${argv.join(' ')} ended with ${String(status)}: ${told}`);
  const [seconds = NaN, user = NaN, system = NaN] = told.trim().split(/\s+/).map(Number);
  return { seconds, cpu: user + system, mebibytes };
}

/** Most memory so far of the only child of a process. */
function peak(parent: number | undefined): number {
  try {
    const [child = ''] = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').split(' ');
    return peakMebibytes(child);
  } catch {
    return 0; // it is not there yet, or no longer
  }
}

/** The most memory that a process held so far. */
export function peakMebibytes(process = 'self'): number {
  const line = /^VmHWM:\s*(\d+) kB/m.exec(readFileSync(`/proc/${process}/status`, 'utf8'));
  return Math.round(Number(line?.[1] ?? 0) / 1024);
}

/** Medians of each part. */
export function median(costs: readonly Cost[]): Cost {
  const of = (part: keyof Cost): number => middle(costs.map((one) => one[part]));
  return { seconds: of('seconds'), cpu: of('cpu'), mebibytes: of('mebibytes') };
}

export const middle = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

/** Measures commands by turns, so that whatever else the machine does meets all of them. */
export async function byTurns(
  commands: Readonly<Record<string, Command>>,
  turns: number,
): Promise<Readonly<Record<string, Cost>>> {
  const all = new Map<string, Cost[]>(Object.keys(commands).map((name) => [name, []]));
  for (let turn = 0; turn < turns; turn++)
    for (const [name, command] of Object.entries(commands)) all.get(name)?.push(await cost(command));
  return Object.fromEntries([...all].map(([name, costs]) => [name, median(costs)]));
}

/** A line of bench/history.jsonl; with the load, without which a time says little. */
export function remember(bench: string, figures: Readonly<Record<string, unknown>>): void {
  const [load = 0] = loadavg();
  const line = {
    ...{ v: 1, bench, time: new Date().toISOString(), node: process.versions.node },
    ...{ cores: cpus().length, load: rounded(load) },
    ...figures,
  };
  appendFileSync(join(import.meta.dirname, '../../bench/history.jsonl'), `${JSON.stringify(line)}\n`);
}

export const rounded = (value: number, digits = 2): number => Number(value.toFixed(digits));
