/** Pipelines made at random, most of them right. */
import fc from 'fast-check';

export type Tree = string | number | boolean | readonly Tree[] | { readonly [key: string]: Tree };

/** Values that every axis of that name has, wherever it stands, so that most files are right. */
const values: Readonly<Record<string, readonly string[]>> = {
  reward: ['nli', 'rouge', 'tldr'],
  size: ['s', 'm'],
  order: ['1', '2', '10'],
};
const axisNames = fc.subarray(Object.keys(values), { maxLength: 2 });

interface Shape {
  readonly seeds: number;
  readonly own: readonly (readonly string[])[];
  readonly reads: readonly {
    readonly of: number;
    readonly gather: readonly string[];
    readonly own: boolean;
  }[];
}
export const shapes: fc.Arbitrary<Shape> = fc.record({
  seeds: fc.integer({ min: 1, max: 3 }),
  own: fc.array(axisNames, { minLength: 1, maxLength: 3 }),
  reads: fc.array(
    fc.record({ of: fc.nat(2), gather: fc.subarray(['reward', 'size', 'order', 'seed']), own: fc.boolean() }),
    { maxLength: 4 },
  ),
});

/** A file: experts with own axes, and fronts and soups that read them, gathering some. */
export function pipelineOf({ seeds, own, reads }: Shape): Tree {
  const stages: Record<string, Tree> = {
    news: { uses: 'data/news', with: { documents: 64 } },
    reference: { uses: 'sft', seeds: false, with: { data: '$news.train', model: { width: 8, layers: 1 } } },
  };
  for (const [index, axes] of own.entries())
    stages[`expert-${String(index)}`] = {
      uses: 'soft',
      matrix: Object.fromEntries(axes.map((axis) => [axis, values[axis] ?? []])),
      with: { reference: '$reference.model', prompts: '$news.train', rewards: 'nli', alpha: 0.1 },
    };
  for (const [index, { of, gather, own: named }] of reads.entries()) {
    const target = of % own.length;
    const gathered = gather.filter((axis) => axis === 'seed' || (own[target] ?? []).includes(axis));
    const stage = `expert-${String(target)}`;
    const policy =
      gathered.length === 0
        ? `$${stage}.policy`
        : `$${stage}(${gathered.map((axis) => `${axis}=*`).join(' ')}).policy`;
    const reader: Tree =
      gathered.length === 0
        ? {
            uses: 'front',
            ...(named ? { matrix: { method: { it: policy, other: '$expert-0.policy' } } } : {}),
            with: { policy: named ? '$matrix.method' : policy, prompts: '$news.test' },
          }
        : { uses: 'rewarded-soup', with: { experts: [policy, '$expert-0(*).policy'] } };
    stages[`reader-${String(index)}`] = reader;
  }
  return { name: 'generated', seeds, max_cells: 2000, stages };
}

export const files = shapes.map(pipelineOf);

/** The same tree with the keys of every map in another order. */
export function shuffled(tree: Tree, order: (keys: string[]) => string[]): Tree {
  if (Array.isArray(tree)) return (tree as readonly Tree[]).map((item) => shuffled(item, order));
  if (typeof tree !== 'object') return tree;
  const map = tree as Readonly<Record<string, Tree>>;
  return Object.fromEntries(order(Object.keys(map)).map((key) => [key, shuffled(map[key] ?? '', order)]));
}

/** Keys in an order that numbers decide. */
export const inOrderOf =
  (numbers: Iterator<number>) =>
  (keys: string[]): string[] => {
    const ranks = new Map(keys.map((key) => [key, Number(numbers.next().value)]));
    return [...keys].sort((a, b) => (ranks.get(a) ?? 0) - (ranks.get(b) ?? 0));
  };
