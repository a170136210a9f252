/** moft itself, killed in the middle of a training: the next run goes on from the checkpoint and ends with the same bytes. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';

const moft = fileURLToPath(new URL('../../dist/cli/moft.js', import.meta.url));

/** Enough steps that a kill after the first one comes before the last one. */
const training = `
name: long
stages:
  news:
    uses: data/news
    with: {size: small, documents: 64, validation: 8, test: 4}
  reference:
    uses: sft
    with: {data: $news.train, model: {width: 8, layers: 1, heads: 2, context: 64}, steps: 400, batch: 4, log_every: 1}
`;

function project(): string {
  const folder = mkdtempSync(join(tmpdir(), 'moft-killed-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'package.json'), '{}');
  writeFileSync(join(folder, 'p.yaml'), training);
  return folder;
}

interface Running {
  readonly process: ChildProcess;
  /** Events so far, one JSON a line. */
  readonly lines: () => readonly string[];
  /** Resolves with a line that is wanted. */
  readonly line: (wanted: (line: string) => boolean) => Promise<string>;
  readonly ended: Promise<number | null>;
}

function start(cwd: string, ...args: string[]): Running {
  const child = spawn(process.execPath, [moft, ...args], {
    cwd,
    env: { PATH: process.env.PATH, HOME: cwd },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  const listeners = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    for (const listener of listeners) listener();
  });
  const lines = (): readonly string[] => text.split('\n').slice(0, -1);
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  void ended.then(() => {
    for (const listener of listeners) listener();
  });
  const line = async (wanted: (line: string) => boolean): Promise<string> => {
    for (;;) {
      const found = lines().find(wanted);
      if (found !== undefined) return found;
      if (child.exitCode !== null)
        throw new Error(`moft ${args.join(' ')} ended with ${child.exitCode}: ${text}`);
      await new Promise<void>((resolve) => listeners.add(resolve));
    }
  };
  return { process: child, lines, line, ended };
}

const modelOf = async (cwd: string): Promise<string> => {
  const show = start(cwd, 'show', 'reference', '--json');
  expect(await show.ended).toBe(0);
  const { artifacts } = JSON.parse(show.lines().join('\n')) as {
    artifacts: { name: string; digest: string }[];
  };
  return artifacts.find(({ name }) => name === 'model')?.digest ?? '';
};

const other = 'stages.reference.with.batch=5';

async function plan(cwd: string, ...args: string[]): Promise<string> {
  const shown = start(cwd, 'plan', 'p.yaml', ...args);
  expect(await shown.ended).toBe(0);
  return shown.lines().join('\n');
}

const planned = async (cwd: string, ...args: string[]): Promise<unknown> =>
  (
    JSON.parse(await plan(cwd, '--json', ...args)) as { cells: { id: string; checkpoint?: unknown }[] }
  ).cells.find(({ id }) => id === 'reference')?.checkpoint;

/** Whole checkpoints in a store. */
function checkpoints(cwd: string): readonly string[] {
  const folder = join(cwd, '.moft/checkpoints');
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /\/\d+\/manifest\.json$/.test(file),
  );
}

it('goes on from the checkpoint that USR1 asked for, and ends with the bytes of an uninterrupted run', async () => {
  const [killed, whole] = [project(), project()];
  const first = start(killed, 'run', 'p.yaml', '--json');
  await first.line((line) => line.includes('"loss"'));
  first.process.kill('SIGUSR1');
  // Each step is an event: the checkpoint stands a step or two after the signal.
  let seen = first.lines().length;
  while (checkpoints(killed).length === 0) {
    await first.line(() => first.lines().length > seen);
    seen = first.lines().length;
  }
  first.process.kill('SIGKILL');
  await first.ended;
  // The plan says what is gone on with, and what another code, setting or input would lose.
  const [kept = ''] = checkpoints(killed);
  const steps = Number(/\/(\d+)\/manifest/.exec(kept)?.[1]);
  const { seconds: before } = JSON.parse(readFileSync(join(killed, '.moft/checkpoints', kept), 'utf8')) as {
    seconds: number;
  };
  expect(await planned(killed)).toEqual({ steps, fate: 'kept' });
  const [text, lost] = [await plan(killed, '--set', other), await planned(killed, '--set', other)];
  expect(text).toContain(
    `starts over: reference, since what counts of it changed: ${steps} steps of its checkpoint`,
  );
  expect(lost).toEqual({ steps, fate: 'lost' });
  const second = start(killed, 'run', 'p.yaml', '--json');
  expect(await second.ended).toBe(0);
  expect(second.lines().some((line) => line.includes('goes on from the checkpoint of step'))).toBe(true);
  const uninterrupted = start(whole, 'run', 'p.yaml', '--json');
  expect(await uninterrupted.ended).toBe(0);
  expect(await modelOf(killed)).toBe(await modelOf(whole));
  expect(checkpoints(killed)).toEqual([]);
  // What it took is what both tries took, less what was lost.
  const show = start(killed, 'show', 'reference', '--json');
  expect(await show.ended).toBe(0);
  const { seconds } = JSON.parse(show.lines().join('\n')) as { seconds: number };
  const finished = second.lines().map((line) => JSON.parse(line) as { type: string; seconds?: number });
  const secondRun = finished.find(({ type }) => type === 'run-finished')?.seconds ?? NaN;
  expect(seconds).toBeGreaterThan(before);
  expect(before).toBeGreaterThan(0);
  expect(seconds - before).toBeLessThanOrEqual(secondRun);
});
