/** How commands find the result and the run that are meant, in a store with runs of parts and audits. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { Project } from './moft.js';

const sums = `
name: sums
stages:
  one: {uses: test/sum, matrix: {value: [1, 2]}, with: {value: $matrix.value}}
  all: {uses: test/sum, with: {numbers: $one(value=*).sum}}
`;

let project: Project;
/** Newest first. */
let runs: { readonly run: string; readonly part?: string }[];
beforeAll(async () => {
  project = new Project(sums);
  for (const args of [
    ['run', 'p.yaml'],
    ['run', 'p.yaml', '--only', 'one/value=1', '--force', 'one/value=1'],
    ['audit', 'p.yaml', '--cells', 'one/value=1'],
  ])
    expect(await project.run(...args)).toMatchObject({ code: 0 });
  runs = await project.json('ls');
  return () => project.close();
});

const audit = (): string => runs[0]?.run ?? '';
const part = (): string => runs[1]?.run ?? '';
const whole = (): string => runs[2]?.run ?? '';

describe('a pattern', () => {
  it.each(['show', 'logs'])('that fits several cells of the file fits no part of it: %s', async (command) => {
    const found = await project.run(command, 'one');
    expect(found).toMatchObject({ code: 2, stdout: '' });
    expect(found.stderr).toBe(
      'moft: "one" names 2 cells, expected one\n  hint: the candidates are one/value=1 one/value=2\n',
    );
  });

  it('that names a cell is answered by the newest run that is no audit', async () => {
    const shown = await project.run('show', 'value=1');
    expect(shown).toMatchObject({ code: 0 });
    expect(shown.stdout).toContain('one/value=1');
    const logged = await project.run('logs', 'one/value=1', '--json');
    const there = await project.run('logs', 'one/value=1', '--json', '--run', part());
    expect(logged.stdout).not.toBe('');
    expect(logged.stdout).toBe(there.stdout);
  });

  it('looks in one run where that is named', async () => {
    expect(await project.json('show', 'one', '--run', audit())).toMatchObject({ id: 'one/value=1' });
    expect((await project.run('show', 'one', '--run', whole())).stderr).toContain('names 2 cells');
  });
});

it('ls marks runs of a part and audits', async () => {
  expect(runs.map(({ part: of }) => of)).toEqual(['audit', 'selection', undefined]);
  const { stdout } = await project.run('ls');
  const states = stdout.split('\n').map((line) => /(done\S*(?: an? \S+)?)/.exec(line)?.[1]);
  expect(states.slice(0, 3)).toEqual(['done, an audit', 'done, a part', 'done']);
});

describe('a run', () => {
  const last = (run: string): string => run.slice(-8);

  it('is named by its first or last characters by ls, show, logs and diff', async () => {
    expect(await project.json('ls', last(whole()))).toHaveLength(3);
    expect(await project.json('ls', part().slice(0, 18))).toHaveLength(1);
    expect(await project.json('show', 'all', '--run', last(whole()))).toMatchObject({ id: 'all' });
    expect(await project.run('logs', 'all', '--run', last(whole()))).toMatchObject({ code: 0 });
    const difference = await project.json('diff', last(whole()), last(part()));
    expect(difference).toMatchObject({ a: { run: whole() }, b: { run: part() } });
  });

  /** What the ids of all runs begin with. */
  const shared = (): string => {
    const ids = [whole(), part(), audit()];
    let length = 0;
    while (ids.every((id) => id[length] === whole()[length])) length++;
    return whole().slice(0, length);
  };

  it('that could be several is an error which lists them', async () => {
    for (const args of [
      ['ls', shared()],
      ['show', 'all', '--run', shared()],
      ['diff', shared(), last(part())],
    ]) {
      const { code, stderr } = await project.run(...args);
      expect(code).toBe(2);
      expect(stderr).toContain(`"${shared()}" names 3 runs, expected one`);
      expect(stderr).toContain(`they are ${audit()} ${part()} ${whole()}`);
    }
  });

  it('that is none is an error too, as are less than four characters', async () => {
    for (const named of ['20990101', whole().slice(-3)]) {
      const { code, stderr } = await project.run('ls', named);
      expect(code).toBe(2);
      expect(stderr).toContain(`there is no run "${named}"\n  hint: the newest are ${audit()}`);
    }
  });
});

it('a run without a report says where its result is', async () => {
  const { stdout } = await project.run('run', 'p.yaml');
  const path = /^result: moft show all \((.*)\)$/m.exec(stdout)?.[1] ?? '';
  expect(readFileSync(path, 'utf8')).toBe('4');
  project.write('many.yaml', sums.replace('[1, 2]', '[1, 2, 3, 4]').replace(/ {2}all: .*\n/, ''));
  const many = await project.run('run', 'many.yaml');
  const [newest] = await project.json<{ run: string }[]>('ls');
  expect(many.stdout).toContain(`results: moft ls ${newest?.run ?? ''}\n`);
});

it('show sets each setting on a line of its own', async () => {
  const words = 'a long text that does not stand in one line with the other settings of a map';
  project.write(
    'wide.yaml',
    `name: wide\nstages:\n  shell: {uses: shell, with: {run: 'touch "$MOFT_OUTPUT_A"', params: {far: 1, text: ${words}}, outputs: {a: {path: a, type: file}}}}\n`,
  );
  expect(await project.run('run', 'wide.yaml')).toMatchObject({ code: 0 });
  const { stdout } = await project.run('show', 'shell');
  const lines = stdout.split('\n').map((line) => line.trim().replace(/\s+/g, ' '));
  expect(lines).toContain('params.far 1');
  expect(lines).toContain(`params.text "${words}"`);
  expect(lines).toContain('outputs {"a":{"path":"a","type":"file"}}');
});

describe('logs', () => {
  it('of a cell that failed end with its reason, which stands in no event', async () => {
    project.write(
      'fails.yaml',
      "name: fails\nstages:\n  bad: {uses: shell, with: {run: 'exit 3', outputs: {a: {path: a, type: file}}}}\n",
    );
    expect(await project.run('run', 'fails.yaml')).toMatchObject({ code: 1 });
    const { code, stdout } = await project.run('logs', 'bad');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^--- failed \(user, .*\) ---\n.*3/m);
  });

  it('of a cell that said nothing say so, and where its result is', async () => {
    const { stdout } = await project.run('logs', 'shell');
    expect(stdout).toMatch(/^shell said and printed nothing in run .*: done\nsee: moft show shell\n$/);
  });
});
