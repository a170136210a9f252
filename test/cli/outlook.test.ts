/** What `plan` foretells, paths from another folder, and files that commands write, in real processes. */
import { chmodSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Project } from './moft.js';

function project(pipeline: string): Project {
  const made = new Project(pipeline);
  onTestFinished(() => made.close());
  return made;
}

it('plan foretells calls of a judge with their price, and times by how far a cell goes', async () => {
  const made = project(`
name: outlook
params: {far: 2}
stages:
  walk: {uses: test/walk, with: {value: $params.far}}
  one: {uses: test/sum, matrix: {value: [1, 2]}, with: {value: $matrix.value}}
  judged: {uses: test/judge, with: {per_item: 5, price: 0.25, numbers: $one(value=*).sum}}
  free: {uses: test/judge, with: {per_item: 1, numbers: [$walk.sum]}}
`);
  const before = await made.run('plan', 'p.yaml');
  expect(before.stdout).toContain('\njudge: 11 calls, $2.50\n');
  expect(before.stdout).not.toContain('scaled:');
  expect(await made.json('plan', 'p.yaml')).toMatchObject({ judge_calls: 11, judge_price: 2.5 });
  expect(await made.run('run', 'p.yaml', '--until', 'walk')).toMatchObject({ code: 0 });
  const further = await made.run('plan', 'p.yaml', '-pfar=6');
  expect(further.stdout).toContain('\nscaled: 1 cell, by value, from what took another number of them\n');
  interface Shown {
    readonly id: string;
    readonly scaled_by?: string;
    readonly expected_seconds?: number;
    readonly saved_seconds?: number;
  }
  const walk = async (...args: string[]): Promise<Shown | undefined> => {
    const { cells } = await made.json<{ cells: readonly Shown[] }>('plan', 'p.yaml', ...args);
    return cells.find(({ id }) => id === 'walk');
  };
  const known = (await walk())?.saved_seconds ?? NaN;
  const asked = await walk('-p', 'far=6');
  expect(asked?.scaled_by).toBe('value');
  expect(asked?.expected_seconds).toBeCloseTo(3 * known, 6);
});

it('paths are relative to the file that holds them; from the command line, to the working folder', async () => {
  const made = project('');
  mkdirSync(join(made.folder, 'deep'));
  made.write('deep/words.txt', 'beside the file');
  made.write('words.txt', 'in the working folder');
  made.write(
    'deep/q.yaml',
    'name: q\nparams: {data: words.txt}\nstages:\n  copy: {uses: test/copy, with: {data: $params.data}}\n',
  );
  const copied = async (...args: string[]): Promise<string> => {
    expect(await made.run('run', 'deep/q.yaml', ...args)).toMatchObject({ code: 0, stderr: '' });
    const { artifacts } = await made.json<{ artifacts: { path: string }[] }>('show', 'copy');
    return readFileSync(artifacts[0]?.path ?? '', 'utf8');
  };
  expect(await copied()).toBe('beside the file');
  expect(await copied('-p', 'data=words.txt')).toBe('in the working folder');
  expect(await copied('--set', 'stages.copy.with.data=words.txt')).toBe('in the working folder');
  const { code, stderr } = await made.run('check', 'deep/q.yaml', '-p', 'data=deep/none.txt');
  expect(code).toBe(2);
  expect(stderr).toContain('deep/none.txt');
});

it('report and schema say what they wrote', async () => {
  const made = project('name: page\nstages:\n  page: {uses: test/page}\n');
  expect(await made.run('report', 'p.yaml')).toMatchObject({ code: 2 });
  expect(await made.run('run', 'p.yaml')).toMatchObject({ code: 0 });
  expect(await made.run('report', 'p.yaml', '-o', 'front.html')).toMatchObject({
    code: 0,
    stdout: '',
    stderr: expect.stringMatching(
      /^wrote front\.html: the report of run \S+, finished \d{4}-\d\d-\d\d \d\d:\d\d UTC\n$/,
    ) as string,
  });
  expect(readFileSync(join(made.folder, 'front.html'), 'utf8')).toBe('<p>page</p>');
  expect(await made.run('schema', '-oout/pipeline.json')).toMatchObject({
    code: 0,
    stdout: '',
    stderr: 'wrote out/pipeline.json\n',
  });
  const schema = JSON.parse(readFileSync(join(made.folder, 'out/pipeline.json'), 'utf8')) as object;
  expect(schema).toHaveProperty('properties.stages');
});

it('report makes the folder that it writes to', async () => {
  const made = project('name: page\nstages:\n  page: {uses: test/page}\n');
  expect(await made.run('run', 'p.yaml')).toMatchObject({ code: 0 });
  expect(await made.run('report', 'p.yaml', '-o', 'some/new/front.html')).toMatchObject({ code: 0 });
  expect(readFileSync(join(made.folder, 'some/new/front.html'), 'utf8')).toBe('<p>page</p>');
  const { code, stderr } = await made.run('report', 'p.yaml', '-o', 'p.yaml/front.html');
  expect(code).toBe(2);
  expect(stderr).toContain("the report can't be written to");
});

it('report says of which run it is, that the file has changed since, and that a newer run left none', async () => {
  const text = 'name: page\nstages:\n  page: {uses: test/page}\n  gate: {uses: test/gate}\n';
  const made = project(text);
  expect(await made.run('run', 'p.yaml')).toMatchObject({ code: 0 });
  const [first] = await made.json<{ run: string }[]>('ls');
  const report = async (): Promise<string> => {
    const { code, stdout, stderr } = await made.run('report', 'p.yaml');
    expect([code, stdout.split('\n').length, stderr.split('\n').length]).toEqual([0, 2, 2]);
    expect(stderr).toContain(`the report of run ${first?.run ?? ''}, finished`);
    return stderr;
  };
  expect(await report()).not.toContain('since');
  made.write('p.yaml', `${text}# a comment\n`);
  expect(await report()).toContain(
    '; p.yaml has changed since: `moft run p.yaml` brings the report up to date',
  );
  made.write('p.yaml', text);
  expect(await made.run('run', 'p.yaml', '--only', 'gate')).toMatchObject({ code: 0 });
  const [second] = await made.json<{ run: string }[]>('ls');
  expect(await report()).toContain(`; the newer run ${second?.run ?? ''} (done) left none`);
});

it('report says that the file has changed where it did so while its run began', async () => {
  const made = project('name: page\nstages:\n  page: {uses: test/page}\n');
  mkdirSync(join(made.folder, '.git'));
  made.write('git', `#!/bin/sh\necho '# a comment' >> "${made.folder}/p.yaml"\nexit 1\n`);
  chmodSync(join(made.folder, 'git'), 0o755);
  const env = { PATH: `${made.folder}:${process.env.PATH ?? ''}` };
  expect(await made.start(['run', 'p.yaml'], { env }).ended).toMatchObject({ code: 0 });
  expect(readFileSync(join(made.folder, 'p.yaml'), 'utf8')).toContain('# a comment');
  expect((await made.run('report', 'p.yaml')).stderr).toContain('; p.yaml has changed since');
});
