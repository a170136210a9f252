/**
 * What tracking costs a training: its loop alone, on the clock and of the processor, with a server that answers, one
 * that is dead and one that takes connections and never answers, against no tracking; by turns, each round in another
 * order, so that whatever else the machine does meets all of them.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { rounded } from './measure.js';
import { endTracker } from './trackers.js';

const root = join(import.meta.dirname, '../..');
const dead = 'http://127.0.0.1:9';
const steps = 250;

/** Each step works for some milliseconds and says a metric; the loop measures itself. */
const pipeline = `
name: training
stages:
  train:
    uses: shell
    with:
      run: |
        node -e '
        const fs = require("node:fs"); let x = 0;
        const step = (n) => {
          for (let i = 0; i < 3e5; i++) x = Math.sin(x + i);
          fs.appendFileSync(process.env.MOFT_EVENTS, JSON.stringify({type: "metric", name: "loss", value: x, step: n}) + "\\n");
        };
        for (let n = 0; n < 20; n++) step(n);
        const [clock, before] = [performance.now(), process.cpuUsage()];
        for (let n = 20; n < ${steps + 20}; n++) step(n);
        const { user, system } = process.cpuUsage(before);
        fs.writeFileSync(process.env.MOFT_OUTPUT_OUT, JSON.stringify({ seconds: (performance.now() - clock) / 1e3, cpu: (user + system) / 1e6 }));'
      outputs: { out: { path: out.json, type: file } }
`;

interface Loop {
  readonly seconds: number;
  readonly cpu: number;
}

async function training(parent: string, track: string): Promise<Loop> {
  const folder = mkdtempSync(join(parent, 'training-'));
  writeFileSync(join(folder, 'package.json'), '{}');
  writeFileSync(join(folder, 'p.yaml'), pipeline);
  const moft = [join(root, 'bin/moft.js'), 'run', 'p.yaml', '--track', track];
  await promisify(execFile)(process.execPath, moft, { cwd: folder });
  const [journal = ''] = readdirSync(join(folder, '.moft/journal'));
  // One that still waits for a server would stand beside the next training.
  endTracker(journal.replace('.jsonl', ''));
  const shown = await promisify(execFile)(
    process.execPath,
    [join(root, 'bin/moft.js'), 'show', 'train', '--json'],
    { cwd: folder },
  );
  const { artifacts } = JSON.parse(shown.stdout) as { artifacts: { path: string }[] };
  const loop = JSON.parse(readFileSync(artifacts[0]?.path ?? '', 'utf8')) as Loop;
  rmSync(folder, { recursive: true, force: true });
  return loop;
}

async function hungServer(): Promise<{ readonly server: Server; readonly address: string }> {
  const server = createServer(() => undefined).unref();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bound = server.address();
  if (typeof bound !== 'object' || bound === null) throw new Error('no port');
  return { server, address: `http://127.0.0.1:${bound.port}` };
}

const middle = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [Math.floor((sorted.length - 1) / 2), Math.ceil((sorted.length - 1) / 2)];
  return ((sorted[low] ?? NaN) + (sorted[high] ?? NaN)) / 2;
};

export interface Slowdown {
  /** Medians of the untracked loop. */
  readonly untracked: Loop;
  /** Medians over the rounds of what a loop took for what the untracked one of its round took; least and most. */
  readonly ratios: Readonly<Record<string, Readonly<Record<keyof Loop, readonly [number, number, number]>>>>;
}

/** @param address of a server that answers */
export async function slowdown(folder: string, address: string, rounds: number): Promise<Slowdown> {
  const hung = await hungServer();
  const tracks = { untracked: 'none', answers: address, dead, hung: hung.address } as const;
  const names = Object.keys(tracks) as (keyof typeof tracks)[];
  const all: Record<keyof typeof tracks, Loop>[] = [];
  for (let round = 0; round < rounds; round++) {
    const loops: Partial<Record<keyof typeof tracks, Loop>> = {};
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(round + turn) % names.length] ?? 'untracked';
      loops[name] = await training(folder, tracks[name]);
    }
    all.push(loops as Record<keyof typeof tracks, Loop>);
  }
  hung.server.close();
  const ratio = (name: keyof typeof tracks, part: keyof Loop): readonly [number, number, number] => {
    const ratios = all.map((loops) => loops[name][part] / loops.untracked[part]);
    return [rounded(middle(ratios), 4), rounded(Math.min(...ratios), 4), rounded(Math.max(...ratios), 4)];
  };
  const untracked = (part: keyof Loop): number => rounded(middle(all.map((loops) => loops.untracked[part])));
  return {
    untracked: { seconds: untracked('seconds'), cpu: untracked('cpu') },
    ratios: Object.fromEntries(
      names.slice(1).map((name) => [name, { seconds: ratio(name, 'seconds'), cpu: ratio(name, 'cpu') }]),
    ),
  };
}
