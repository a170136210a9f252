/** Results that are run again: real runs, of kinds that give the same bytes each time and of some that do not. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Project } from './moft.js';

const pipeline = `
name: audited
params: {noise: 0.000001}
stages:
  sum: {uses: test/sum, matrix: {value: [1, 2, 3]}, with: {value: $matrix.value}}
  all: {uses: test/sum, with: {value: 4, numbers: $sum(value=*).sum}}
  little: {uses: test/noisy, with: {noise: $params.noise}}
  much: {uses: test/noisy, with: {noise: 10}}
  time: {uses: shell, with: {run: 'date +%s%N > "$MOFT_OUTPUT_NOW"', outputs: {now: {path: now.txt, type: file}}}}
`;

interface Audit {
  readonly seed: number;
  readonly hits: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly cells: readonly {
    readonly id: string;
    readonly key: string;
    readonly record: string;
    readonly again?: string;
    readonly verdict: string;
    readonly largest?: { readonly file: string; readonly field: string; readonly distance: number };
    readonly differences: readonly {
      readonly file: string;
      readonly field?: string;
      readonly before: string;
    }[];
  }[];
}

let project: Project;
beforeAll(async () => {
  project = new Project(pipeline);
  expect(await project.run('run', 'p.yaml', '-p', 'noise=0.00001')).toMatchObject({ code: 0 });
  return () => project.close();
});

async function audit(...args: string[]): Promise<{ code: number | null; found: Audit; stderr: string }> {
  const { code, stdout, stderr } = await project.run('audit', ...args, '--json');
  return { code, found: JSON.parse(stdout) as Audit, stderr };
}

/** What each key serves: the names of the links that choose, and the record behind. */
const chosen = async (): Promise<unknown> => {
  const { cells } = await project.json<{ cells: { id: string; status: string; key: string }[] }>(
    'plan',
    'p.yaml',
    '-p',
    'noise=0.00001',
  );
  return cells.map(({ id, status, key }) => [
    id,
    status,
    readdirSync(join(project.folder, '.moft/records', key)).filter((name) => name.startsWith('chosen')),
  ]);
};

describe('moft audit', () => {
  it('tells the same bytes, numbers within tolerance and different results apart, and replaces none', async () => {
    const before = await chosen();
    const { code, found } = await audit('p.yaml', '-p', 'noise=0.00001', '--sample', 'all');
    expect(code).toBe(1);
    expect(Object.fromEntries(found.cells.map(({ id, verdict }) => [id, verdict]))).toEqual({
      'sum/value=1': 'same',
      'sum/value=2': 'same',
      'sum/value=3': 'same',
      all: 'same',
      little: 'within',
      much: 'different',
      time: 'different',
    });
    const cell = (id: string) => found.cells.find((one) => one.id === id);
    const little = cell('little');
    expect(little?.largest).toMatchObject({ file: 'figures/points.json', field: 'points[1].kl' });
    expect(little?.largest?.distance).toBeGreaterThan(0);
    expect(little?.largest?.distance).toBeLessThan(1e-5);
    expect(little?.differences).toEqual([]);
    expect(cell('much')?.differences.map(({ file, field }) => [file, field])).toEqual([
      ['figures/points.json', 'points[1].kl'],
      ['figures/rows.jsonl', 'line 2.n'],
      ['figures/w.safetensors', 'w[1]'],
    ]);
    expect(cell('time')?.differences).toMatchObject([
      { file: 'now', before: expect.stringMatching(/^sha256 /) as string },
    ]);
    expect(await chosen()).toEqual(before);
    // Each result that was made is kept beside the one that stands.
    const shown = await project.json<{ results: { record: string }[] }>('show', 'time', '--all');
    expect(shown.results.map(({ record }) => record).sort()).toEqual(
      [cell('time')?.record, cell('time')?.again].sort(),
    );
  });

  it('draws the sample by its seed, and says 0 where all is the same', async () => {
    const args = [
      'p.yaml',
      '-p',
      'noise=0.00001',
      '--cells',
      'sum',
      '--cells',
      'all',
      '--sample',
      '50%',
      '--seed',
      '5',
    ];
    const { code, found } = await audit(...args);
    expect(code).toBe(0);
    expect(found).toMatchObject({ seed: 5, hits: 4, counts: { same: 2, different: 0 } });
    const again = await project.run('audit', ...args);
    expect(again.stdout).toContain('audited 2 of 4 results (--seed 5): 2 same');
    for (const { id } of found.cells) expect(again.stdout).toMatch(new RegExp(`^same +${id}`, 'm'));
  });

  it('without a file audits what the runs of the store have, planned again as they were', async () => {
    const { code, found, stderr } = await audit('--cells', 'little', '--sample', '1');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(found.cells).toMatchObject([{ id: 'little', verdict: 'within' }]);
  });

  it('says what it does not take, and what is not there', async () => {
    const empty = new Project('name: one\nstages:\n  one: {uses: test/sum}\n');
    onTestFinished(() => empty.close());
    expect(await empty.run('audit', 'p.yaml')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there is nothing to audit') as string,
    });
    expect(await empty.run('audit', 'p.yaml', '--sample', '1.5')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('write it like 10, 0.2, 20% or all') as string,
    });
  });
});
