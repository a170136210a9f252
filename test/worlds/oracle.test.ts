/** The oracle: groups are known by their fields, wrong figures are found, and unknown groups are said to be so. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkFile, exitCode, line, type Outcome, worst } from '../../scripts/oracle/report.js';
import { difference, exactWeights } from '../../scripts/oracle/shape.js';

const folder = '../shared/oracles';
const present = existsSync(folder);
if (!present) console.warn(`skipped: no ${folder}; reference numbers are not checked`);

function read(file: string): unknown {
  return JSON.parse(readFileSync(`${folder}/${file}.json`, 'utf8'));
}

/** Every group is known and within its tolerance. */
function expectAllWell(outcomes: readonly Outcome[]): void {
  expect(outcomes.filter((outcome) => outcome.kind === 'unknown')).toEqual([]);
  expect(outcomes.map(line).filter((text) => !text.startsWith('ok'))).toEqual([]);
  expect(exitCode(outcomes)).toBe(0);
}

describe.skipIf(!present)('the reference numbers', () => {
  it.each(['exact', 'fronts', 'rouge', 'statistics', 'news'])(
    '%s.json agree',
    { timeout: 120_000 },
    async (file) => {
      expectAllWell(await checkFile(file, read(file)));
    },
  );

  it('are known by their fields: other names of groups make no difference', async () => {
    const all = Object.entries(read('exact') as Record<string, unknown>);
    const groups = Object.fromEntries(all.filter(([name]) => name !== 'toy_world'));
    const renamed = Object.fromEntries(Object.values(groups).map((group, i) => [`group ${i}`, group]));
    const outcomes = await checkFile('renamed', renamed);
    expect(outcomes).toHaveLength(Object.keys(groups).length);
    expectAllWell(outcomes);
  });

  it('are found to be wrong where one digit is changed, and the others are still checked', async () => {
    const groups = read('statistics') as { holm: { adjusted: number[] }[] };
    const adjusted = groups.holm[1]?.adjusted ?? [];
    adjusted[2] = (adjusted[2] ?? 0) + 1e-6;
    const outcomes = await checkFile('changed', groups);
    expect(exitCode(outcomes)).toBe(1);
    expect(outcomes.map(line).filter((text) => text.startsWith('WRONG'))).toHaveLength(1);
    expect(outcomes.map(line).filter((text) => text.startsWith('ok'))).toHaveLength(6);
  });
});

describe('the oracle', () => {
  const known = { points: [[0.5, 0.4]], z: [0, 0], hypervolume: 0.2 };

  it('says which group it does not know, and checks the rest', async () => {
    const outcomes = await checkFile('file', { note: 'a remark', good: known, odd: { spectrum: [1, 2] } });
    expect(outcomes.map(line)).toEqual([
      expect.stringMatching(/^ok {4}file good \[measures of points\]: largest error .* tolerance 1e-9$/),
      '?     file odd: unknown group, no shape has these fields',
    ]);
    expect(exitCode(outcomes)).toBe(2);
  });

  it('takes a file that is one group, and groups below another name', async () => {
    expectAllWell(await checkFile('alone', known));
    expectAllWell(
      await checkFile('nested', {
        all: { note: 'x', cases: [known, { ...known, z: [0.1, 0], hypervolume: 0.16 }] },
      }),
    );
  });

  it('turns to the other group that a group refers to, and fails without one', async () => {
    const lone = { samples: [0, 1], logp: [-1, -1], logp_ref: [-1, -1], returns_G: [0, 0], adv_rloo: [0, 0] };
    const [outcome] = await checkFile('file', { lone });
    expect(outcome?.kind === 'checked' && worst(outcome.errors).error).toBe(Infinity);
  });

  it('has nothing pass by being no number or by being absent', () => {
    expect(difference([1, NaN], [1, 2])).toBe(Infinity);
    expect(difference([1], [1, 2])).toBe(Infinity);
    expect(difference(undefined, 1)).toBe(Infinity);
    expect(worst({}).error).toBe(Infinity);
    expect(exitCode([])).toBe(2);
  });

  it('undoes the rounding of weights that were fractions, and of no others', () => {
    expect(exactWeights([0.333333, 0.333333, 0.333333])).toEqual([1 / 3, 1 / 3, 1 / 3]);
    expect(exactWeights([0.666667, 0.333333])).toEqual([2 / 3, 1 / 3]);
    expect(exactWeights([0.11705, 0.88295])).toEqual([0.11705, 0.88295]);
  });
});
