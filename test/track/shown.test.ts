import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { FinishedCell, Shown } from '../../runner/contract.js';
import { kinds } from '../../cli/kinds.js';
import { shown } from '../../cli/shown.js';
import type { ArtifactType, Front, PolicyManifest } from '../../schemas/artifact.js';
import { makeReport } from '../report/make.js';
import { fixtureFront, threeCurves } from '../report/fixtures.js';

function show(kind: string, type: ArtifactType, files: Readonly<Record<string, string>>): Shown {
  const folder = mkdtempSync(join(tmpdir(), 'moft-shown-'));
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const paths = Object.fromEntries(Object.keys(files).map((name) => [name, join(folder, name)]));
  const cell: FinishedCell = {
    ...{ kind, with: {} },
    outputs: { [type]: { type, digest: '0'.repeat(64), path: folder, files: paths } },
  };
  const found = shown.get(kind)?.(cell);
  if (!found) throw new Error(`${kind} shows nothing`);
  return found;
}

it('only kinds that there are show something', () =>
  expect([...shown.keys()].filter((name) => !kinds.has(name))).toEqual([]));

describe('a front', () => {
  const front: Front = fixtureFront({ method: 'clp', answer: 'full', seed: 0 });
  const seen = show('front', 'front', { 'front.json': JSON.stringify(front) });

  it('is a point a trade-off, with weights and alpha as numbers', () => {
    expect(seen.points).toHaveLength(front.points.length);
    for (const [n, { params, figures }] of (seen.points ?? []).entries()) {
      const { alpha, weights, exact } = front.points[n] ?? {};
      expect(params).toEqual({
        alpha,
        'w.nli': expect.closeTo(weights?.[0] ?? NaN, 11) as number,
        'w.rouge': expect.closeTo(weights?.[1] ?? NaN, 11) as number,
      });
      expect(figures['eval/regret']).toBe(exact?.regret);
      expect(figures['eval/rewards/nli/mean']).toBe(exact?.rewards[0]);
    }
    expect(seen.compared).toEqual(['eval/rewards/nli/mean', 'eval/rewards/rouge/mean', 'eval/regret']);
  });

  it('has its figures over all trade-offs, and its rows as a table', () => {
    const regrets = front.points.flatMap(({ exact }) => exact?.regret ?? []);
    expect(seen.figures?.['front/regret_max']).toBeCloseTo(Math.max(...regrets), 12);
    expect(seen.figures?.['front/regret_mean']).toBeCloseTo(
      regrets.reduce((a, b) => a + b, 0) / regrets.length,
      12,
    );
    const [table] = seen.tables ?? [];
    expect(table?.rows).toHaveLength(front.points.length);
    expect(table?.rows.every((row) => row.length === table.columns.length)).toBe(true);
    expect(seen.about).toBe('policy');
  });
});

it('a report tells the verdict and every method with its main measures', async () => {
  const { summary, file } = await makeReport(threeCurves([0, 1]));
  const seen = show('report', 'report', { 'summary.json': file('summary.json') });
  const [slice] = summary.slices;
  expect(seen.verdict).toBe(slice?.findings[0]);
  for (const { name } of slice?.curves ?? []) expect(seen.story).toContain(`| ${name} |`);
  expect(Object.keys(seen.figures ?? {}).sort()).toEqual(
    (slice?.curves ?? []).map(({ name }) => `report/regret_mean/${name}`).sort(),
  );
  expect(seen.files?.map(({ as }) => as)).toEqual(['report.html', 'front.svg']);
});

it('a policy is a model, with its method and what it was trained on', () => {
  const manifest: PolicyManifest = {
    ...{ v: 1, method: 'clp', objectives: ['nli', 'rouge'], reference: 'r', conditioning: 'full' },
    ...{ alpha: { range: [0.02, 0.5] }, referenceShare: 'log' },
    trained: { steps: 3, groups: 6, responses: 24, tokens: 480 },
  };
  const seen = show('clp', 'policy', { 'policy.json': JSON.stringify(manifest) });
  expect(seen.model).toMatchObject({
    ...{ output: 'policy', name: 'clp full' },
    params: { alpha: '0.02 to 0.5', 'trained.tokens': 480 },
  });
  expect(seen.curves).toContain('rewards/nli/mean');
});

it('a model shows its size, its curves and its last figures', () => {
  const config = { model_type: 'gpt2', n_embd: 32, n_layer: 2, activation_function: 'gelu_new', odd: [1] };
  const seen = show('sft', 'model', { 'config.json': JSON.stringify(config) });
  expect(seen.model).toEqual({
    ...{ output: 'model', name: 'sft' },
    params: { model_type: 'gpt2', n_embd: 32, n_layer: 2 },
  });
  expect(seen.finals).toEqual(['eval/loss', 'eval/bigram_loss']);
});

it('data shows its first rows, and no half of one', () => {
  const rows = Array.from({ length: 30 }, (_, n) => ({
    id: `${n}`,
    references: ['a', 'é'],
    prompt: 'x'.repeat(n),
  }));
  const seen = show('data/jsonl', 'dataset', {
    'manifest.json': JSON.stringify({
      v: 1,
      columns: ['id', 'prompt', 'references'],
      rewards: ['nli'],
      rows: 30,
    }),
    'rows.jsonl': rows.map((row) => `${JSON.stringify(row)}\n`).join(''),
  });
  expect(seen.params).toEqual({ rewards: 'nli' });
  expect(seen.tables).toHaveLength(1);
  expect(seen.tables?.[0]?.rows).toHaveLength(20);
  expect(seen.tables?.[0]?.rows[2]).toEqual(['2', 'xx', '["a","é"]']);
});
