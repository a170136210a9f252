/**
 * moft beside Snakemake, DVC and wireit on the same graph: N independent stages and one that gathers them.
 * `node dist/bench/peers.js [N ...]` finds each on PATH or below `--tools FOLDER` (`bin/` of a virtual environment,
 * `node_modules/.bin`), says loudly which it skips, prints a table and appends a line to bench/history.jsonl.
 * The peers copy a file a stage; moft plans built-in cells whose results are made up, so only "nothing to do" compares.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { cost, median, remember, rounded, type Command, type Cost } from './measure.js';
import { synthesize } from './synthetic.js';

const root = join(import.meta.dirname, '../..');
const turns = 3;

/** A peer's project of N stages in a folder that is there, and the command that brings it up to date. */
interface Peer {
  readonly name: string;
  readonly program: string;
  /** Most stages that it is asked for: DVC needs minutes for more. */
  readonly most: number;
  prepare(folder: string, stages: number, program: string): Command;
}

const numbers = (stages: number): number[] => Array.from({ length: stages }, (_, i) => i);

const snakemake: Peer = {
  name: 'Snakemake',
  program: 'snakemake',
  most: 1000,
  prepare: (folder, stages, program) => {
    const outputs = JSON.stringify(numbers(stages).map((i) => `out/${i}`));
    writeFileSync(
      join(folder, 'Snakefile'),
      `rule all:\n    input: ${outputs}\n    output: "all"\n    shell: "cat {input} > {output}"\n` +
        `rule copy:\n    input: "in/{i}"\n    output: "out/{i}"\n    shell: "cp {input} {output}"\n`,
    );
    return { argv: [program, '-j2', '-q', 'all'], cwd: folder };
  },
};

const dvc: Peer = {
  name: 'DVC',
  program: 'dvc',
  most: 100,
  prepare: (folder, stages, program) => {
    const lines = numbers(stages).map(
      (i) => `  copy${i}: { cmd: cp in/${i} out/${i}, deps: [in/${i}], outs: [out/${i}] }\n`,
    );
    const all = numbers(stages).map((i) => `out/${i}`);
    lines.push(`  all: { cmd: "cat ${all.join(' ')} > all", deps: [${all.join(', ')}], outs: [all] }\n`);
    writeFileSync(join(folder, 'dvc.yaml'), `stages:\n${lines.join('')}`);
    spawnSync(program, ['init', '--no-scm', '-q'], { cwd: folder });
    return { argv: [program, 'repro', '-q'], cwd: folder, env: { DVC_NO_ANALYTICS: '1' } };
  },
};

const wireit: Peer = {
  name: 'wireit',
  program: 'wireit',
  most: 1000,
  prepare: (folder, stages, program) => {
    const script = (command: string, more: object): object => ({ command, ...more });
    const copies = numbers(stages).map((i) => [
      `copy${i}`,
      script(`cp in/${i} out/${i}`, { files: [`in/${i}`], output: [`out/${i}`] }),
    ]);
    const gather = script('cat out/* > all', {
      files: [],
      output: ['all'],
      dependencies: numbers(stages).map((i) => `copy${i}`),
    });
    const scripts = {
      all: 'wireit',
      ...Object.fromEntries(numbers(stages).map((i) => [`copy${i}`, 'wireit'])),
    };
    const wired = { all: gather, ...(Object.fromEntries(copies) as object) };
    writeFileSync(
      join(folder, 'package.json'),
      JSON.stringify({ name: 'peer', version: '1.0.0', scripts, wireit: wired }),
    );
    return {
      argv: ['npm', 'run', '--silent', 'all'],
      cwd: folder,
      env: { WIREIT_PARALLEL: '2', PATH: `${join(program, '..')}${delimiter}${process.env.PATH ?? ''}` },
    };
  },
};

function find(program: string, folders: readonly string[]): string | undefined {
  return folders.map((folder) => join(folder, program)).find((file) => existsSync(file));
}

interface Figures {
  /** Bringing everything up to date from nothing; absent for moft. */
  readonly first?: Cost;
  readonly idle: Cost;
}

async function measurePeer(peer: Peer, program: string, folder: string, stages: number): Promise<Figures> {
  for (const name of ['in', 'out']) mkdirSync(join(folder, name), { recursive: true });
  for (const i of numbers(stages)) writeFileSync(join(folder, 'in', String(i)), `${i}\n`);
  const command = peer.prepare(folder, stages, program);
  const first = await cost(command);
  return { first, idle: await idle(command) };
}

async function measureMoft(folder: string, stages: number): Promise<Figures> {
  const { file } = await synthesize(folder, root, { shape: 'wide', cells: stages });
  const command: Command = { argv: [process.execPath, join(root, 'bin/moft.js'), 'run', file] };
  await cost(command); // blobs are believed unread only once they are older than 2 s
  return { idle: await idle(command) };
}

async function idle(command: Command): Promise<Cost> {
  const costs: Cost[] = [];
  for (let turn = 0; turn < turns; turn++) costs.push(await cost(command));
  return median(costs);
}

const given = process.argv.slice(2);
const at = given.indexOf('--tools');
const tools =
  at < 0
    ? []
    : given
        .splice(at, 2)
        .slice(1)
        .map((folder) => resolve(folder));
const sizes = given.length > 0 ? given.map(Number) : [10, 100, 1000];
const folders = [
  ...tools.flatMap((tool) => [join(tool, 'bin'), join(tool, 'node_modules/.bin')]),
  ...(process.env.PATH ?? '').split(delimiter),
];

const bare = await cost({ argv: [process.execPath, '-e', '0'] });
const top = mkdtempSync(join(tmpdir(), 'moft-peers-'));
const rows: Record<string, unknown>[] = [];
try {
  for (const stages of sizes) {
    const ours = await measureMoft(join(top, `moft-${stages}`), stages);
    note('moft', stages, ours, ours);
    for (const peer of [snakemake, dvc, wireit]) {
      const program = find(peer.program, folders);
      if (program === undefined) console.log(`SKIPPED: ${peer.name} is not installed`);
      else if (stages > peer.most) console.log(`SKIPPED: ${peer.name} with ${stages} stages takes minutes`);
      else
        note(
          peer.name,
          stages,
          await measurePeer(peer, program, join(top, `${peer.name}-${stages}`), stages),
          ours,
        );
    }
  }
} finally {
  rmSync(top, { recursive: true, force: true });
}
console.table(rows);
remember('peers', { bare: rounded(bare.cpu), rows });

function note(name: string, stages: number, { first, idle }: Figures, ours: Figures): void {
  rows.push({
    runner: name,
    stages,
    'idle cpu': rounded(idle.cpu),
    'idle seconds': rounded(idle.seconds),
    'idle MiB': idle.mebibytes,
    'of moft': rounded(idle.cpu / ours.idle.cpu),
    ...(first ? { 'ms cpu a stage': rounded(((first.cpu - idle.cpu) / stages) * 1000, 1) } : {}),
  });
  console.log(JSON.stringify(rows.at(-1)));
}
