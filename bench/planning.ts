/**
 * What `check`, `plan` and a `run` with nothing to do cost as whole processes, against a bare `node -e 0`, by turns in
 * one run: `node dist/bench/planning.js [cells ...]`. Prints a table and appends a line to bench/history.jsonl.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { byTurns, remember, rounded, type Command, type Cost } from './measure.js';
import { asked } from './options.js';
import { shapes, synthesize } from './synthetic.js';

const root = join(import.meta.dirname, '../..');
/** Pipelines of more cells take minutes to make up: only one shape of them is measured. */
const large = 10_000;
const turns = { few: 5, many: 3 };

const moft = (...args: string[]): Command => ({
  argv: [process.execPath, join(root, 'bin/moft.js'), ...args],
});

function row(name: string, bare: Cost, { seconds, cpu, mebibytes }: Cost): Record<string, string | number> {
  return {
    what: name,
    cpu: rounded(cpu),
    'over bare': rounded(cpu - bare.cpu),
    ratio: rounded(cpu / bare.cpu, 1),
    seconds: rounded(seconds),
    MiB: mebibytes,
  };
}

const { numbers } = asked({ usage: 'node dist/bench/planning.js [cells ...]' });
const sizes = numbers.length > 0 ? numbers : [1000];
const folder = mkdtempSync(join(tmpdir(), 'moft-bench-'));
try {
  const commands: Record<string, Command> = {
    'node -e 0': { argv: [process.execPath, '-e', '0'] },
    'check three-rewards': moft('check', join(root, 'pipelines/three-rewards-fixed-kl.yaml')),
  };
  for (const cells of sizes)
    for (const shape of cells > large ? shapes.slice(0, 1) : shapes) {
      const { file } = await synthesize(join(folder, `${shape}-${cells}`), root, { shape, cells });
      commands[`plan ${shape} ${cells}`] = moft('plan', file);
      commands[`run ${shape} ${cells}`] = moft('run', file);
    }
  // Blobs are believed unread only once they are older than 2 s: the first run notes them.
  await byTurns(commands, 1);
  const costs = Object.entries(await byTurns(commands, Math.max(...sizes) > 1000 ? turns.many : turns.few));
  const bare = costs[0]?.[1] ?? { seconds: NaN, cpu: NaN, mebibytes: NaN };
  const table = costs.map(([name, found]) => row(name, bare, found));
  console.table(table);
  remember('planning', { rows: table });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
