/**
 * The same project for moft and its peers: N stages that copy a file each, and one that gathers the copies. Each is
 * written as its own documentation would have it.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import type { Command } from './measure.js';

export interface Peer {
  readonly name: string;
  /** Looked for on PATH and below `--tools`; absent for what every machine has. */
  readonly program?: string;
  /** It does all its work each time: nothing is known from before. */
  readonly forgets?: true;
  /** Most stages that it is asked for: more take minutes. */
  readonly most: number;
  /** Writes the project of N stages into a folder that holds `in/0` to `in/N-1`; the command brings it up to date. */
  prepare(folder: string, stages: number, program: string): Command;
}

const numbers = (stages: number): number[] => Array.from({ length: stages }, (_, i) => i);

const write = (folder: string, name: string, content: string | object): void => {
  const file = join(folder, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
};

/** The commands and nothing else: what any runner starts from. */
const bare: Peer = {
  name: 'sh alone',
  forgets: true,
  most: Infinity,
  prepare: (folder, stages) => {
    write(folder, 'copy.sh', 'cp "$1" "$2"\n');
    const all = `for i in $(seq 0 ${stages - 1}); do /bin/sh -eu copy.sh in/$i out/$i; done; cat out/* > all`;
    return { argv: ['/bin/sh', '-c', all], cwd: folder };
  },
};

const moftCommand = (root: string): Command['argv'] => [
  process.execPath,
  join(root, 'bin/moft.js'),
  'run',
  'pipeline.yaml',
  '-j',
  '2',
];

const moft = (root: string): Peer => ({
  name: 'moft',
  most: Infinity,
  prepare: (folder, stages) => {
    const inputs = numbers(stages).map((i) => `c${i}: in/${i}`);
    const pipeline = `name: copies
max_cells: ${2 * stages + 10}
stages:
  copy:
    uses: shell
    matrix: { input: { ${inputs.join(', ')} } }
    with:
      run: cp "$MOFT_INPUT_FROM" "$MOFT_OUTPUT_TO"
      inputs: { from: $matrix.input }
      outputs: { to: { path: copy, type: file } }
  all:
    uses: shell
    with:
      run: cat "$MOFT_INPUT_COPIES"/[0-9]* > "$MOFT_OUTPUT_ALL"
      inputs: { copies: $copy(input=*).to }
      outputs: { all: { path: all, type: file } }
`;
    write(folder, 'pipeline.yaml', pipeline);
    return { argv: moftCommand(root), cwd: folder };
  },
});

/** The same number of cells of a kind of moft's own, each of which reads a file of one line. */
const builtIn = (root: string): Peer => ({
  name: 'moft, built-in kind',
  most: Infinity,
  prepare: (folder, stages) => {
    const inputs = numbers(stages).map((i) => `c${i}: in/${i}`);
    const pipeline = `name: rows
max_cells: ${2 * stages + 10}
stages:
  rows:
    uses: data/jsonl
    matrix: { input: { ${inputs.join(', ')} } }
    with: { train: $matrix.input }
`;
    write(folder, 'pipeline.yaml', pipeline);
    return { argv: moftCommand(root), cwd: folder };
  },
});

const snakemake: Peer = {
  name: 'Snakemake',
  program: 'snakemake',
  most: 1000,
  prepare: (folder, stages, program) => {
    const outputs = JSON.stringify(numbers(stages).map((i) => `out/${i}`));
    write(
      folder,
      'Snakefile',
      `rule all:\n    input: ${outputs}\n    output: "all"\n    shell: "cat out/* > {output}"\n` +
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
    write(folder, 'dvc.yaml', `stages:\n${lines.join('')}`);
    spawnSync(program, ['init', '--no-scm', '-q'], { cwd: folder });
    return { argv: [program, 'repro', '-q'], cwd: folder, env: { DVC_NO_ANALYTICS: '1' } };
  },
};

const wireit: Peer = {
  name: 'wireit',
  program: 'wireit',
  most: 1000,
  prepare: (folder, stages, program) => {
    const names = numbers(stages).map((i) => `copy${i}`);
    const copies = names.map((name, i) => [
      name,
      { command: `cp in/${i} out/${i}`, files: [`in/${i}`], output: [`out/${i}`] },
    ]);
    const all = { command: 'cat out/* > all', files: [], output: ['all'], dependencies: names };
    write(folder, 'package.json', {
      name: 'peer',
      version: '1.0.0',
      scripts: Object.fromEntries(['all', ...names].map((name) => [name, 'wireit'])),
      wireit: { all, ...(Object.fromEntries(copies) as object) },
    });
    return {
      argv: ['npm', 'run', '--silent', 'all'],
      cwd: folder,
      env: { WIREIT_PARALLEL: '2', PATH: `${dirname(program)}${delimiter}${process.env.PATH ?? ''}` },
    };
  },
};

/** A package a stage: what turbo calls a task is a script of one. */
const turbo: Peer = {
  name: 'turbo',
  program: 'turbo',
  most: 100,
  prepare: (folder, stages, program) => {
    const task = { inputs: ['in'], outputs: ['out'], dependsOn: ['^build'] };
    write(folder, 'turbo.json', { tasks: { build: task } });
    write(folder, 'package.json', {
      ...{ name: 'peers', version: '1.0.0', private: true },
      ...{ packageManager: 'npm@10.0.0', workspaces: ['p/*'] },
    });
    const names = numbers(stages).map((i) => `copy${i}`);
    for (const [i, name] of names.entries()) {
      write(folder, `p/${name}/package.json`, { name, version: '1.0.0', scripts: { build: 'cp in out' } });
      spawnSync('ln', ['-f', join(folder, 'in', String(i)), join(folder, 'p', name, 'in')]);
    }
    const dependencies = Object.fromEntries(names.map((name) => [name, '1.0.0']));
    write(folder, 'p/all/package.json', {
      ...{ name: 'all', version: '1.0.0', dependencies },
      scripts: { build: 'cat ../copy*/out > out' },
    });
    spawnSync('npm', ['install', '--package-lock-only', '--ignore-scripts', '--offline'], { cwd: folder });
    return {
      argv: [program, 'run', 'build', '--concurrency=2'],
      cwd: folder,
      env: { TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' },
    };
  },
};

export const peers = (root: string): readonly Peer[] => [
  bare,
  moft(root),
  builtIn(root),
  snakemake,
  dvc,
  wireit,
  turbo,
];

/** Lays out the inputs of a project. */
export function layInputs(folder: string, stages: number): void {
  for (const i of numbers(stages)) write(folder, `in/${i}`, `{"prompt": "${i}", "response": "${i}"}\n`);
  mkdirSync(join(folder, 'out'), { recursive: true });
}

/** Gives one input another content. */
export const touchInput = (folder: string, turn: number): void =>
  writeFileSync(join(folder, 'in/0'), `{"prompt": "turn", "response": "${turn}"}\n`);
