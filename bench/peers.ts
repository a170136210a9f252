/**
 * moft beside Snakemake, DVC, wireit and turbo on the same graph: N stages that copy a file each, and one that gathers
 * the copies. `node dist/bench/peers.js [--tools FOLDER] [stages ...]` finds each on PATH or below FOLDER (`bin/` of a
 * virtual environment, `node_modules/.bin`), says loudly which it skips, prints a table and appends a line to
 * bench/history.jsonl. "sh alone" is the same commands without any runner.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { cost, median, remember, rounded, type Command, type Cost } from './measure.js';
import { asked } from './options.js';
import { layInputs, peers, touchInput, type Peer } from './peer-projects.js';

const root = join(import.meta.dirname, '../..');
const turns = 3;

interface Figures {
  /** Everything from nothing. */
  readonly first: Cost;
  readonly idle: Cost;
  /** One input has new content. */
  readonly edited: Cost;
}

async function measure(peer: Peer, program: string, folder: string, stages: number): Promise<Figures> {
  layInputs(folder, stages);
  const command = peer.prepare(folder, stages, program);
  const first = await cost(command);
  const idle = await repeat(command, () => undefined);
  return { first, idle, edited: await repeat(command, (turn) => touchInput(folder, turn)) };
}

async function repeat(command: Command, before: (turn: number) => void): Promise<Cost> {
  const costs: Cost[] = [];
  for (let turn = 0; turn < turns; turn++) {
    before(turn);
    costs.push(await cost(command));
  }
  return median(costs);
}

function row(peer: Peer, stages: number, { first, idle, edited }: Figures): Record<string, string | number> {
  return {
    runner: peer.name,
    stages,
    'first cpu': rounded(first.cpu),
    'first seconds': rounded(first.seconds),
    'ms cpu a stage': rounded(((first.cpu - (peer.forgets ? 0 : idle.cpu)) / stages) * 1000, 1),
    'idle cpu': rounded(idle.cpu),
    'idle seconds': rounded(idle.seconds),
    'edited cpu': rounded(edited.cpu),
    'edited seconds': rounded(edited.seconds),
    MiB: Math.max(first.mebibytes, idle.mebibytes),
  };
}

const { options, numbers } = asked({
  usage: 'node dist/bench/peers.js [--tools FOLDER] [stages ...]',
  options: ['tools'],
});
const tools = options.tools === undefined ? [] : [resolve(options.tools)];
const sizes = numbers.length > 0 ? numbers : [10, 100, 1000];
const folders = [
  ...tools.flatMap((tool) => [join(tool, 'bin'), join(tool, 'node_modules/.bin')]),
  ...(process.env.PATH ?? '').split(delimiter),
];
const find = (program: string): string | undefined =>
  folders.map((folder) => join(folder, program)).find((file) => existsSync(file));

const bareNode = await cost({ argv: [process.execPath, '-e', '0'] });
const top = mkdtempSync(join(tmpdir(), 'moft-peers-'));
const rows: Record<string, string | number>[] = [];
try {
  for (const stages of sizes)
    for (const peer of peers(root)) {
      const program = peer.program === undefined ? '' : find(peer.program);
      if (program === undefined) console.log(`SKIPPED: ${peer.name} is not installed`);
      else if (stages > peer.most) console.log(`SKIPPED: ${peer.name} with ${stages} stages takes minutes`);
      else {
        const folder = join(top, `${peer.name}-${stages}`.replaceAll(/[ ,]/g, '-'));
        try {
          rows.push(row(peer, stages, await measure(peer, program, folder, stages)));
          console.log(JSON.stringify(rows.at(-1)));
        } catch (error) {
          console.log(`SKIPPED: ${peer.name} with ${stages} stages: ${String(error)}`);
        }
        rmSync(folder, { recursive: true, force: true });
      }
    }
} finally {
  rmSync(top, { recursive: true, force: true });
}
console.table(rows);
remember('peers', { bare: rounded(bareNode.cpu), rows });
