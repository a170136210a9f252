/** Lineages: equal where two stages make the same thing, and never in a key. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { kinds } from '../../cli/kinds.js';
import type { KindRegistry, OutputPort, StageKind } from '../../runner/contract.js';
import { analyze } from '../../runner/language/index.js';
import { withLineage } from '../../runner/language/lineage.js';
import type { PortItem } from '../../runner/language/outputs.js';
import type { CellId } from '../../runner/pipeline.js';
import { keyOf, preimageOf } from '../../runner/plan/index.js';
import sft from '../../stages/kinds/sft.js';
import type { JsonObject } from '../../schemas/json.js';

type Inputs = Readonly<Record<string, Readonly<Record<string, OutputPort>>>>;

/** The model of a stage with these settings, inputs and seed. */
function model(values: JsonObject, { inputs = {}, seed = 0, stage = 'reference' }: Made = {}) {
  const items = new Map<string, readonly PortItem[]>(
    Object.entries(inputs).map(([port, outputs]) => [
      port,
      [{ output: 'out', coordinates: {}, cell: { id: 'x' as CellId, stage: 'x', coordinates: {}, outputs } }],
    ]),
  );
  const outputs = { model: { type: 'model', distinct: true }, other: { type: 'file' } } as const;
  return withLineage(outputs, { kind: sft, stage, coordinates: { seed: String(seed) }, values, seed, items });
}
interface Made {
  readonly inputs?: Inputs;
  readonly seed?: number;
  readonly stage?: string;
}

const digest = (values: JsonObject, made?: Made): string | undefined =>
  model(values, made).model?.traits?.lineage?.digest;

describe('the lineage of an output', () => {
  const file = { out: { type: 'dataset' } } as const;
  const known = (steps: number) => ({ out: model({ steps }).model ?? { type: 'model' as const } });

  it('names stage, coordinates and output', () => {
    const lineage = model({}, { seed: 3 }).model?.traits?.lineage;
    expect(lineage).toMatchObject({ stage: 'reference', coordinates: { seed: '3' }, output: 'model' });
  });

  it('is equal for two stages that make the same thing', () => {
    expect(digest({ steps: 5, log_every: 1 }, { stage: 'a' })).toBe(
      digest({ log_every: 9, steps: 5 }, { stage: 'b' }),
    );
  });

  it('differs by a setting, by the seed, and by an input that differs', () => {
    const made = [
      digest({ steps: 5 }),
      digest({ steps: 6 }),
      digest({ steps: 5 }, { seed: 1 }),
      digest({ steps: 5 }, { inputs: { base: known(1) } }),
      digest({ steps: 5 }, { inputs: { base: known(2) } }),
    ];
    expect(new Set(made).size).toBe(made.length);
  });

  it('takes no input into account that may be equal in content', () => {
    expect(digest({ steps: 5 }, { inputs: { data: file } })).toBe(digest({ steps: 5 }));
    expect(digest({ steps: 5 }, { inputs: { data: file, validation: file } })).toBe(digest({ steps: 5 }));
  });

  it('has no digest where another setting may make the same thing', () => {
    expect(model({ steps: 5 }).other?.traits?.lineage).toEqual({
      stage: 'reference',
      coordinates: { seed: '0' },
      output: 'other',
    });
  });
});

/** The same kinds as if nothing were known of any artifact. */
const traitless: KindRegistry = new Map(
  [...kinds].map(([name, kind]): [string, StageKind] => [
    name,
    {
      ...kind,
      outputs: (values, inputs) =>
        Object.fromEntries(
          Object.entries(kind.outputs(values, inputs)).map(([output, { type }]) => [output, { type }]),
        ),
    },
  ]),
);

describe.each(['quickstart', 'two-rewards-fixed-kl', 'scitldr'])('%s', (name) => {
  const file = join(import.meta.dirname, `../../pipelines/${name}.yaml`);
  const text = readFileSync(file, 'utf8');
  const params = name === 'scitldr' ? { path: 'x' } : {};

  it('is found right, and what is known of artifacts decides no key', () => {
    const keys = (registry: KindRegistry): unknown[] => {
      const options = { registry, workingFolder: '/', exists: () => true, params };
      const { pipeline, diagnostics } = analyze({ file, text }, options);
      expect(diagnostics).toEqual([]);
      return (pipeline?.cells ?? []).map((cell) => {
        const kind = registry.get(cell.kind);
        if (!kind) throw new Error(`no kind ${cell.kind}`);
        const preimage = preimageOf(cell, { kind, inputs: {}, code: 'c', env: {} });
        expect(JSON.stringify(preimage)).not.toMatch(/lineage|traits/);
        return [cell.id, keyOf(preimage)];
      });
    };
    const found = keys(kinds);
    expect(found.length).toBeGreaterThan(3);
    expect(found).toEqual(keys(traitless));
  });
});
