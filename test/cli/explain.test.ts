/** `moft explain` and `--force` with real runs: every reason is told from the others, in one sentence. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Project } from './moft.js';

const chain = `
name: chain
params: {first: 1}
stages:
  one:
    uses: test/gate
    with:
      shape: {width: $params.first}
  two: {uses: test/sum, with: {numbers: $one(*).sum}}
  three: {uses: test/sum, with: {numbers: $two(*).sum, value: 5}}
`;

function projectOf(text: string): Project {
  const project = new Project(text);
  onTestFinished(() => project.close());
  return project;
}

interface Explained {
  readonly status: string;
  readonly headline: string;
  readonly reason: { readonly code: string; readonly message: string };
  readonly runs: readonly Record<string, unknown>[];
}

const headline = async (project: Project, ...args: string[]): Promise<string> =>
  (await project.run('explain', 'p.yaml', ...args)).stdout.split('\n')[0] ?? '';

const explained = (project: Project, ...args: string[]): Promise<Explained> =>
  project.json<Explained>('explain', 'p.yaml', ...args);

describe('the headline', () => {
  it('of a cell that never ran', async () => {
    expect(await headline(projectOf(chain), 'three')).toBe('three runs because it never ran');
  });

  it('of a hit names the run that it is from', async () => {
    const project = projectOf(chain);
    await project.run('run', 'p.yaml');
    expect(await headline(project, 'three')).toMatch(/^three is served from the store: recorded .* by run /);
  });

  it('follows a change through the cells between to the line where it stands', async () => {
    const project = projectOf(chain);
    await project.run('run', 'p.yaml');
    project.write('p.yaml', chain.replace('first: 1', 'first: 200'));
    const because = 'one changed because test/gate.with.shape.width 1 -> 200, p.yaml:3:17';
    expect(await headline(project, 'one')).toBe(
      'one re-runs because test/gate.with.shape.width 1 -> 200, p.yaml:3:17',
    );
    expect(await headline(project, 'two')).toBe(`two re-runs because ${because}; hit if one is unchanged`);
    expect(await headline(project, 'three')).toBe(
      `three re-runs because two may change because ${because}; hit if two is unchanged`,
    );
    // The gate passes the same bytes on: nothing below it is run, and the explanation says where that ended.
    const { stdout } = await project.run('run', 'p.yaml');
    expect(stdout).toContain('1 ran, 2 hit');
  });

  it('names an option of the command line instead of a line', async () => {
    const project = projectOf(chain);
    await project.run('run', 'p.yaml');
    expect(await headline(project, 'one', '-p', 'first=3')).toBe(
      'one re-runs because test/gate.with.shape.width 1 -> 3, -p first',
    );
  });

  it('says that a result was evicted, and that what is below waits for it', async () => {
    const project = projectOf(chain);
    await project.run('run', 'p.yaml');
    const { key } = await project.json<{ key: string }>('show', 'one');
    rmSync(join(project.folder, '.moft', 'records', key), { recursive: true });
    const { status, reason, headline: told } = await explained(project, 'one');
    expect({ status, code: reason.code }).toEqual({ status: 'run', code: 'evicted' });
    expect(told).toMatch(
      /^one runs because nothing changed, but its result of run \S+ is no longer in the store$/,
    );
    expect(await headline(project, 'two')).toMatch(
      /^two re-runs because one has to run because nothing changed, .*; hit if one is unchanged$/,
    );
  });

  it('says that a result is incomplete', async () => {
    const project = projectOf(chain);
    await project.run('run', 'p.yaml');
    const { artifacts } = await project.json<{ artifacts: { path: string }[] }>('show', 'one');
    rmSync(artifacts[0]?.path ?? '');
    const { status, reason } = await explained(project, 'one');
    expect({ status, code: reason.code }).toEqual({ status: 'run', code: 'incomplete' });
    expect(reason.message).toContain('the artifact sum is missing or corrupt');
  });

  it('repeats what a cell failed with', async () => {
    const project = projectOf(chain);
    const args = ['--set', 'stages.one.with.open=false'];
    expect(await project.run('run', 'p.yaml', ...args)).toMatchObject({ code: 1 });
    const { reason, runs } = await explained(project, 'one', ...args);
    expect(reason.code).toBe('failed');
    expect(reason.message).toMatch(
      /^it failed in run \S+ \(user, closed\): the gate is closed; set open: true$/,
    );
    expect(runs).toMatchObject([{ how: 'failed', failure: { code: 'closed' } }]);
    expect(await headline(project, 'two', ...args)).toBe('two runs because it never ran');
  });

  it('says of a cell that is never kept why not', async () => {
    const project = projectOf(
      'name: p\nstages:\n  a: {uses: test/roll}\n  b: {uses: test/sum, with: {numbers: $a(*).sum}}\n',
    );
    const { stdout } = await project.run('run', 'p.yaml');
    expect(stdout).toContain('2 ran, 0 hit, 1 uncacheable');
    expect(await headline(project, 'a')).toBe(
      'a runs because never served from the store: it depends on the process that runs it',
    );
    const plan = await project.json<{ uncacheable: number; counts: object }>('plan', 'p.yaml');
    expect(plan).toMatchObject({ uncacheable: 1, counts: { run: 1, depends: 1 } });
    // Its children are keyed by its bytes, which are others now.
    expect((await project.run('run', 'p.yaml')).stdout).toContain('2 ran, 0 hit, 1 uncacheable');
  });

  it('lists candidates where a pattern names several cells', async () => {
    const { code, stderr } = await projectOf(chain).run('explain', 'p.yaml', 'four');
    expect(code).toBe(2);
    expect(stderr).toContain('the candidates are one two three');
  });
});

describe('--force', () => {
  it('runs a named cell again, keeps the result that stands, and says that the bytes are the same', async () => {
    const project = projectOf(chain);
    await project.run('run', 'p.yaml');
    const before = await project.json<{ finished: string; key: string }>('show', 'two');
    expect(await headline(project, 'two', '--force', 'two')).toMatch(
      /^two re-runs because forced, although /,
    );
    const { stdout, code } = await project.run('run', 'p.yaml', '--force', 'two');
    expect(code).toBe(0);
    expect(stdout).toContain('1 ran, 2 hit');
    expect(stdout).toContain(
      'two: run again although a result stood: the same bytes; the result that stood is used',
    );
    const after = await project.json<{ finished: string; results: { record: string }[] }>(
      'show',
      'two',
      '--all',
    );
    expect(after.finished).toBe(before.finished);
    expect(after.results).toMatchObject([
      { finished: before.finished, chosen: true, pinned: false },
      { chosen: false, pinned: false },
    ]);
    const other = after.results[1]?.record ?? '';
    await project.run('pin', 'two', '--record', other);
    const { stdout: shown } = await project.run('show', 'two', '--all');
    expect(shown).toMatch(new RegExp(`  results\\n +${other} .*  served, pinned\\n +[0-9a-f]{64} .*Z\\n$`));
    await project.run('pin', 'two', '--record', other, '--remove');
    expect((await explained(project, 'two')).runs).toMatchObject([
      { how: 'ran', forced: 'same' },
      { how: 'ran' },
    ]);
  });

  it('without a name is for all cells that are selected', async () => {
    const project = projectOf(chain);
    await project.run('run', 'p.yaml');
    expect((await project.run('run', 'p.yaml', '--force')).stdout).toContain('3 ran, 0 hit');
    expect((await project.run('run', 'p.yaml', '--only', 'three', '--force')).stdout).toContain(
      '1 ran, 2 hit',
    );
    expect((await project.run('run', 'p.yaml', '--force', 'four')).stderr).toContain(
      'no cell is named by "four"',
    );
  });

  it('tells other bytes, and leaves what is below with those of the result that stands', async () => {
    const project = projectOf(
      'name: p\nstages:\n  a: {uses: test/roll, with: {honest: false}}\n  b: {uses: test/sum, with: {numbers: $a(*).sum}}\n',
    );
    await project.run('run', 'p.yaml');
    const { stdout } = await project.run('run', 'p.yaml', '--force', 'a');
    expect(stdout).toContain('a: run again although a result stood: OTHER bytes than the result that stands');
    expect(stdout).toContain('1 ran, 1 hit');
    expect(await project.json('plan', 'p.yaml')).toMatchObject({ counts: { hit: 2 } });
  });

  it('forces a cell that depends on what runs', async () => {
    const project = projectOf(chain);
    await project.run('run', 'p.yaml');
    const plan = await project.json('plan', 'p.yaml', '-p', 'first=2', '--force', 'three');
    expect(plan).toMatchObject({ counts: { run: 2, depends: 1 } });
    const { stdout } = await project.run('run', 'p.yaml', '-p', 'first=2', '--force', 'three');
    expect(stdout).toContain('2 ran, 1 hit');
  });
});

describe('the plan', () => {
  it('never says "unchanged" of what never was', async () => {
    const project = projectOf(`
name: seeds
stages:
  one: {uses: test/gate, with: {shape: {width: 1}}}
  two: {uses: test/sum, with: {numbers: $one(*).sum}}
`);
    await project.run('run', 'p.yaml');
    // Another gate, and a sum of the same shape as the one that ran.
    project.write(
      'p.yaml',
      `
name: seeds
stages:
  other: {uses: test/gate, with: {shape: {width: 2}}}
  sum: {uses: test/sum, with: {numbers: $other(*).sum}}
`,
    );
    const { stdout } = await project.run('plan', 'p.yaml', '--cells');
    expect(stdout).not.toContain('unchanged');
    expect(await headline(project, 'sum')).toBe('sum runs because it never ran');
  });
});

describe('a selection of cells', () => {
  it('is planned, explained and drawn as it would run', async () => {
    const project = projectOf(chain);
    const planned = async (...args: string[]) => {
      const { cells } = await project.json<{ cells: { id: string; status: string }[] }>(
        'plan',
        'p.yaml',
        ...args,
      );
      return cells.map(({ id, status }) => `${id} ${status}`);
    };
    expect(await planned('--until', 'two')).toEqual(['one run', 'two run']);
    const refused = await project.run('plan', 'p.yaml', '--from', 'two');
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain("the selected cells read one, which the store doesn't have");
    expect(await project.run('explain', 'p.yaml', 'three', '--only', 'three')).toMatchObject({ code: 2 });
    expect((await project.run('run', 'p.yaml', '--until', 'two')).code).toBe(0);
    expect(await planned('--from', 'two')).toEqual(['one hit', 'two hit', 'three run']);
    expect(await headline(project, 'three', '--only', 'three')).toBe('three runs because it never ran');
    expect((await project.run('graph', 'p.yaml', '--until', 'two')).stdout).not.toContain('three');
  });

  it('names what a misspelt cell was meant to be', async () => {
    const { stderr } = await projectOf(chain).run('plan', 'p.yaml', '--until', 'thre');
    expect(stderr).toContain('did you mean three?');
  });
});

it('the results of a cell are shown with what it read', async () => {
  const project = projectOf(chain);
  await project.run('run', 'p.yaml');
  const { stdout } = await project.run('show', 'two');
  expect(stdout).toMatch(/ {2}inputs\n +numbers +[0-9a-f]{64} +sum of one\n/);
  expect(stdout).toMatch(/^ {2}pipeline {2}\w+\n {2}run {7}\d{8}T/m);
});

it('nothing is said of who made what a result read where the record of that is gone', async () => {
  const project = projectOf(`${chain}  copy:
    uses: shell
    with: {run: 'wc -c < "$MOFT_INPUT_SUM" > sum', inputs: {sum: $two.sum}, outputs: {copy: {path: sum, type: file}}}
`);
  await project.run('run', 'p.yaml');
  const shown = async (): Promise<string> => (await project.run('show', 'copy')).stdout;
  expect(await shown()).toMatch(/ {2}inputs\n +sum +[0-9a-f]{64} +sum of two\n/);
  // `three` has made the same bytes.
  for (const name of ['two', 'three']) {
    const { key } = await project.json<{ key: string }>('show', name);
    rmSync(join(project.folder, '.moft', 'records', key), { recursive: true });
  }
  expect(await shown()).toMatch(/ {2}inputs\n +sum +[0-9a-f]{64}\n/);
});

it('an ablation is named beside the axes of the base, in plans and pictures', async () => {
  const ablated = `${chain}ablations:\n  two: {one_at_a_time: {more: {value: 2}, most: {value: 3}}}\n`;
  const project = projectOf(ablated);
  const { stdout } = await project.run('plan', 'p.yaml');
  expect(stdout).toMatch(/^two +3 .*base \+ 2 variants/m);
  expect(stdout).toMatch(
    /^ {2}more +adds 1 cell \(0 hits\) +shares 2 of 3 with the base \(0 hits\) +two\.value$/m,
  );
  expect((await project.run('graph', 'p.yaml')).stdout).toMatch(/two.*\+ 2 variants/);
});
