/** Invariants of variants, `zip` and `exclude`, over generated files. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { formatDiagnostic } from '../../runner/language/index.js';
import type { Cell, Pipeline } from '../../runner/pipeline.js';
import { check } from './listing.js';

interface Shape {
  readonly seeds: number;
  /** Which of its axes each expert has. */
  readonly experts: readonly (readonly string[])[];
  readonly zipped: boolean;
  /** Combinations of reward and size that the first expert leaves out, by index. */
  readonly excluded: readonly number[];
  /** The stages that each variant patches. */
  readonly variants: readonly (readonly number[])[];
}

const values: Readonly<Record<string, readonly string[]>> = {
  reward: ['nli', 'rouge', 'tldr'],
  size: ['s', 'm'],
};
const combinations = ['nli', 'rouge', 'tldr'].flatMap((reward) =>
  ['s', 'm'].map((size) => ({ reward, size })),
);

const shapes: fc.Arbitrary<Shape> = fc.record({
  seeds: fc.integer({ min: 1, max: 2 }),
  experts: fc.array(fc.subarray(['reward', 'size']), { minLength: 2, maxLength: 3 }),
  zipped: fc.boolean(),
  excluded: fc.uniqueArray(fc.nat(combinations.length - 1), { maxLength: 3 }),
  variants: fc.array(fc.uniqueArray(fc.nat(2), { minLength: 1, maxLength: 2 }), { maxLength: 3 }),
});

const rewardOf = (axes: readonly string[]): string => (axes.includes('reward') ? '$matrix.reward' : 'nli');

function fileOf(
  { seeds, experts, zipped, excluded, variants }: Shape,
  names = 'abc',
): Record<string, unknown> {
  const stages: Record<string, unknown> = {
    news: { uses: 'data/news' },
    reference: { uses: 'sft', seeds: false, with: { data: '$news.train' } },
  };
  for (const [index, axes] of experts.entries()) {
    const own: Record<string, unknown> = Object.fromEntries(axes.map((axis) => [axis, values[axis]]));
    if (zipped && index > 0) own.zip = { pace: ['slow', 'fast'], alpha: [0.1, 0.2] };
    if (index === 0 && axes.length === 2 && excluded.length > 0)
      own.exclude = excluded.map((at) => combinations[at]);
    stages[`expert-${String(index)}`] = {
      uses: 'soft',
      matrix: own,
      with: {
        reference: '$reference.model',
        prompts: '$news.train',
        rewards: rewardOf(axes),
        alpha: own.zip === undefined ? 0.1 : '$matrix.alpha',
      },
    };
    stages[`front-${String(index)}`] = {
      uses: 'front',
      with: { policy: `$expert-${String(index)}.policy`, prompts: '$news.test' },
    };
  }
  stages.both = {
    uses: 'front',
    matrix: { method: { first: '$expert-0.policy', second: '$expert-1.policy' } },
    with: { policy: '$matrix.method', prompts: '$news.test' },
  };
  stages.all = { uses: 'report', with: { fronts: ['$both(*).front', '$front-0(*).front'] } };
  const ablations: Record<string, { one_at_a_time: Record<string, unknown> }> = {};
  for (const [index, stagesOf] of variants.entries())
    for (const at of new Set(stagesOf.map((one) => one % experts.length))) {
      const entry = (ablations[`expert-${String(at)}`] ??= { one_at_a_time: {} });
      entry.one_at_a_time[names[index] ?? 'x'] = { steps: 7 + index };
    }
  return { name: 'generated', seeds, stages, ...(variants.length === 0 ? {} : { ablations }) };
}

function pipelineOf(tree: unknown): Pipeline {
  const text = stringify(tree);
  const { pipeline, diagnostics } = check(text);
  expect(diagnostics.map((one) => formatDiagnostic(one, text))).toEqual([]);
  if (pipeline === undefined) throw new Error('no pipeline and no diagnostics');
  return pipeline;
}

const isBase = ({ coordinates }: Cell): boolean => coordinates.ablation === undefined;
/** What decides a cell, without where it is written. */
const essence = (cell: Cell): unknown => ({ ...cell, place: undefined, origins: undefined });
const read = (cell: Cell): readonly string[] =>
  Object.values(cell.inputs).flatMap((binding) =>
    binding.kind === 'gathered'
      ? binding.items.map((item) => item.cell)
      : binding.kind === 'artifact'
        ? [binding.cell]
        : [],
  );

describe('variants', () => {
  it('rename and change no cell of the base but those that gather them', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const bare = pipelineOf(fileOf({ ...shape, variants: [] }));
        const full = pipelineOf(fileOf(shape));
        const without = (cells: readonly Cell[]): unknown[] =>
          cells.filter((cell) => isBase(cell) && cell.stage !== 'all').map(essence);
        expect(without(full.cells)).toEqual(without(bare.cells));
        const gathered = (pipeline: Pipeline): readonly string[] =>
          pipeline.cells.filter(({ stage }) => stage === 'all').flatMap(read);
        const base = gathered(bare);
        expect(gathered(full).filter((id) => !id.includes('ablation='))).toEqual(base);
      }),
      { numRuns: 60 },
    );
  });

  it('hold only cells of patched stages and of what reads these, each with its twin in the base', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const { cells, variants } = pipelineOf(fileOf(shape));
        const byId = new Map<string, Cell>(cells.map((cell) => [cell.id, cell]));
        for (const cell of cells.filter((one) => !isBase(one))) {
          const variant = variants.find(({ name }) => name === cell.coordinates.ablation);
          const patched = variant?.patches.some(({ stage }) => stage === cell.stage) === true;
          const parents = read(cell).map((id) => byId.get(id)?.coordinates.ablation);
          expect(patched || parents.includes(cell.coordinates.ablation)).toBe(true);
          expect(parents.every((name) => name === undefined || name === cell.coordinates.ablation)).toBe(
            true,
          );
          const { ablation, ...coordinates } = cell.coordinates;
          expect(ablation).toBeDefined();
          expect(cell.twin === undefined ? undefined : byId.get(cell.twin)?.coordinates).toEqual(coordinates);
        }
        expect(cells.filter((cell) => cell.stage === 'all').every(isBase)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('differ inside on an axis that both cells have, as the base does', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const { cells } = pipelineOf(fileOf(shape));
        for (const [index, a] of cells.entries())
          for (const b of cells.slice(index + 1)) {
            if (a.stage !== b.stage || a.coordinates.ablation !== b.coordinates.ablation) continue;
            const shared = Object.keys(a.coordinates).filter((axis) => axis in b.coordinates);
            expect(shared.some((axis) => a.coordinates[axis] !== b.coordinates[axis])).toBe(true);
          }
        expect(new Set(cells.map(({ id }) => id.toLowerCase())).size).toBe(cells.length);
      }),
      { numRuns: 40 },
    );
  });

  it('are the file with their patch written into it', () => {
    fc.assert(
      fc.property(shapes, fc.boolean(), (shape, movesAxes) => {
        const tree = fileOf(shape) as {
          readonly stages: Record<string, { readonly with: Record<string, unknown> }>;
          ablations?: Record<string, { readonly one_at_a_time: Record<string, object> }>;
        };
        delete tree.stages.all;
        // Its cells have the axes of another expert, and so mostly no twin.
        const elsewhere = { one_at_a_time: { elsewhere: { policy: '$expert-1.policy' } } };
        if (movesAxes) (tree.ablations ??= {})['front-0'] = elsewhere;
        const ablations = Object.entries(tree.ablations ?? {});
        const { cells, variants } = pipelineOf(tree);
        for (const { name, shared } of variants) {
          const patched = structuredClone(tree);
          delete patched.ablations;
          for (const [stage, { one_at_a_time: patches }] of ablations)
            Object.assign(patched.stages[stage]?.with ?? {}, patches[name]);
          const plain = pipelineOf(patched).cells;
          const own = cells.filter(({ coordinates }) => coordinates.ablation === name);
          const kept = cells.filter(({ id }) => shared.includes(id));
          const places = (all: readonly Cell[]): readonly string[] =>
            all
              .map(({ stage, coordinates }) =>
                JSON.stringify([stage, { ...coordinates, ablation: undefined }]),
              )
              .sort();
          expect(places([...own, ...kept])).toEqual(places(plain));
        }
      }),
      { numRuns: 40 },
    );
  });

  it('do not hang on the order in which they are written', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const tree = fileOf(shape);
        const turned = JSON.parse(
          JSON.stringify(tree, (_, value: unknown) =>
            typeof value === 'object' && value !== null && !Array.isArray(value)
              ? Object.fromEntries(Object.entries(value).reverse())
              : value,
          ),
        ) as unknown;
        const sorted = (pipeline: Pipeline): unknown[] =>
          [...pipeline.cells].sort((a, b) => (a.id < b.id ? -1 : 1)).map(essence);
        expect(sorted(pipelineOf(turned))).toEqual(sorted(pipelineOf(tree)));
      }),
      { numRuns: 40 },
    );
  });
});

describe('exclude', () => {
  it('takes away the named cells and what they alone are read by, and renames none', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const experts = [['reward', 'size'], ...shape.experts.slice(1)];
        const all = pipelineOf(fileOf({ ...shape, experts, excluded: [], variants: [] }));
        const some = pipelineOf(fileOf({ ...shape, experts, variants: [] }));
        const isOut = ({ coordinates: { reward, size } }: Cell): boolean =>
          shape.excluded.some((at) => combinations[at]?.reward === reward && combinations[at]?.size === size);
        const expected = all.cells.filter(
          (cell) => !(['expert-0', 'front-0'].includes(cell.stage) && isOut(cell)),
        );
        const ids = (cells: readonly Cell[]): readonly string[] =>
          cells.filter(({ stage }) => stage !== 'both').map(({ id }) => id);
        expect(ids(some.cells)).toEqual(ids(expected));
      }),
      { numRuns: 40 },
    );
  });
});

describe('zip', () => {
  it('pairs the values of its axes, and multiplies the pairs with all other axes', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const { cells } = pipelineOf(fileOf({ ...shape, zipped: true, variants: [] }));
        const paired = cells.filter(({ stage }) => stage === 'expert-1');
        expect(paired.length).toBeGreaterThan(0);
        const pairs = paired.map(({ coordinates: { pace, alpha } }) => `${pace ?? ''} ${alpha ?? ''}`);
        expect([...new Set(pairs)].sort()).toEqual(['fast 0.2', 'slow 0.1']);
        const size = (shape.experts[1] ?? []).reduce(
          (product, axis) => product * (values[axis]?.length ?? 1),
          1,
        );
        expect(paired.length).toBe(2 * size * shape.seeds);
      }),
      { numRuns: 40 },
    );
  });
});
