/** `moft diff` between runs and files, with real runs. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Project } from './moft.js';

const text = `
name: sums
params: {first: 1}
stages:
  one: {uses: test/sum, matrix: {value: [1, 2]}, with: {value: $matrix.value}}
  two: {uses: test/sum, with: {value: $params.first, numbers: $one(value=*).sum}}
  three: {uses: test/metric, with: {numbers: $two(*).sum}}
`;

let project: Project;
let runs: readonly string[];
beforeAll(async () => {
  project = new Project(text);
  await project.run('run', 'p.yaml');
  await project.run('run', 'p.yaml', '-p', 'first=5');
  runs = (await project.json<{ run: string }[]>('ls')).map(({ run }) => run).reverse();
});
afterAll(() => project.close());

describe('moft diff', () => {
  it('of two runs tells the change, what came of it below, and the figures', async () => {
    const [a = '', b = ''] = runs;
    const { code, stdout } = await project.run('diff', a, b);
    expect(code).toBe(0);
    expect(stdout).toBe(
      [
        `from run ${a} to run ${b}`,
        'cells: 2 changed, 0 added, 0 removed, 2 the same',
        'changed  two',
        '         value 1 -> 5',
        'changed  three',
        '         through two',
        'results of cells that both have',
        '    three  total  4 -> 8  +4',
        '',
      ].join('\n'),
    );
    expect(await project.json('diff', a, b)).toEqual({
      a: { run: a },
      b: { run: b },
      added: [],
      removed: [],
      same: ['one/value=1', 'one/value=2'],
      changed: [
        { id: 'two', changes: [{ what: 'with', name: 'value', before: 1, after: 5 }], through: [] },
        { id: 'three', changes: [], through: ['two'] },
      ],
      results: [{ id: 'three', figure: 'total', before: 4, after: 8 }],
    });
    expect(await project.json('diff', a, a)).toMatchObject({
      changed: [],
      added: [],
      removed: [],
      results: [],
    });
  });

  it('of a run and a file names the place in the file, and cells that one side has alone', async () => {
    project.write('q.yaml', text.replace('[1, 2]', '[2, 3]').replace('first: 1', 'first: 7'));
    const { stdout } = await project.run('diff', runs[0] ?? '', 'q.yaml');
    expect(stdout).toContain('added    one/value=3\nremoved  one/value=1\n');
    expect(stdout).toContain('value 1 -> 7 (q.yaml:3:17)\n         through one/value=3\n');
    expect(stdout).toContain('changed  three\n         through two, one/value=3\n');
  });

  it('names many cells that changed alike by their stages', async () => {
    const wide = `
name: wide
params: {open: true}
stages:
  gate: {uses: test/gate, matrix: {n: [1, 2, 3, 4, 5]}, with: {open: $params.open, shape: {width: $matrix.n}}}
  all: {uses: test/sum, with: {numbers: $gate(*).sum}}
`;
    project.write('wide.yaml', wide);
    project.write('wider.yaml', wide.replace('true', 'false'));
    const { stdout } = await project.run('diff', 'wide.yaml', 'wider.yaml');
    expect(stdout).toContain('changed  gate (5 cells)\n         open true -> false (wider.yaml:3:16)\n');
  });

  it('of many differences shows the first, and all where that is asked', async () => {
    const many = `
name: many
stages:
  gate: {uses: test/gate, matrix: {n: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]}, with: {shape: {width: $matrix.n}}}
`;
    project.write('many.yaml', many);
    project.write('few.yaml', many.replace(/1, .* 12/, '1'));
    const short = (await project.run('diff', 'few.yaml', 'many.yaml')).stdout.split('\n');
    expect(short[1]).toBe('cells: 0 changed, 11 added, 0 removed, 1 the same');
    expect(short.slice(-2)).toEqual(['         and 1 more: --all', '']);
    const { stdout } = await project.run('diff', 'few.yaml', 'many.yaml', '--all');
    expect(stdout.match(/^added {4}/gm)).toHaveLength(11);
  });

  it('tells an input that is gone or new as a change of its cell, though nothing upstream changed', async () => {
    project.write('gone.yaml', text.replace(', numbers: $one(value=*).sum', ''));
    const gone = await project.run('diff', 'p.yaml', 'gone.yaml');
    expect(gone.stdout).toContain('changed  two\n         input numbers removed\n');
    const back = await project.run('diff', 'gone.yaml', 'p.yaml');
    expect(back.stdout).toContain(
      'changed  two\n         input numbers added, from one/value=1, one/value=2\n',
    );
  });

  it('of two files runs nothing; options hold for both', async () => {
    project.write('q.yaml', `${text}# a comment\n`);
    expect(await project.json('diff', 'p.yaml', 'q.yaml', '-p', 'first=9')).toMatchObject({
      added: [],
      removed: [],
      changed: [],
    });
  });

  it('reads the store of the project that a file is in, also by its absolute path', async () => {
    const elsewhere = new Project(text);
    onTestFinished(() => elsewhere.close());
    project.write('five.yaml', text.replace('first: 1', 'first: 5'));
    const [a, b] = ['p.yaml', 'five.yaml'].map((name) => join(project.folder, name));
    const { stdout } = await elsewhere.run('diff', a ?? '', b ?? '');
    expect(stdout).toContain('results of cells that both have\n    three  total  4 -> 8  +4\n');
  });

  it('refuses what is neither', async () => {
    const { code, stderr } = await project.run('diff', 'nothing', 'p.yaml');
    expect(code).toBe(2);
    expect(stderr).toContain('"nothing" is neither a run nor a pipeline file');
  });
});
