/** A tree with its reference, its rewards and exact figures at some trade-offs. */
import Type, { type Static } from 'typebox';
import { optimum } from '../../stages/worlds/finite.js';
import { mixedExperts } from '../../stages/worlds/tree-mixing.js';
import {
  asProblem,
  conditionals,
  type Levels,
  optimalLogits,
  type Tree,
  treeValue,
} from '../../stages/worlds/tree.js';
import { exactWeights, Ledger, shape } from './shape.js';

const Numbers = Type.Array(Type.Number());
/** logits[t][prefix][token] */
export const NodeTables = Type.Array(Type.Array(Numbers));

const Case = Type.Object({
  alpha: Type.Number(),
  w: Numbers,
  V_star: Type.Number(),
  J_star: Type.Optional(Type.Number()),
  V_ref: Type.Optional(Type.Number()),
  V_uniform: Type.Optional(Type.Number()),
  V_logit_mix: Type.Optional(Type.Number()),
  gap_logit_mix: Type.Optional(Type.Number()),
  ER_star: Type.Optional(Numbers),
  KL_star: Type.Optional(Type.Number()),
  ER_mix: Type.Optional(Numbers),
  first_token_probs_star: Type.Optional(Numbers),
  first_token_probs_mix: Type.Optional(Numbers),
});

export const TreeGroup = Type.Object({
  V: Type.Integer(),
  T: Type.Integer(),
  ref_logits: NodeTables,
  R: Type.Array(Numbers),
  cases: Type.Array(Case),
});
export type TreeGroup = Static<typeof TreeGroup>;

/** Tables of a file as level arrays. */
export function levels(tables: Static<typeof NodeTables>): Float64Array[] {
  return tables.map((level) => Float64Array.from(level.flat()));
}

/** Level arrays as tables of a file. */
export function tables(level: Levels, branching: number): number[][][] {
  return level.map((values) =>
    Array.from({ length: values.length / branching }, (_, node) => [
      ...values.slice(node * branching, (node + 1) * branching),
    ]),
  );
}

export function treeOf(group: TreeGroup): Tree {
  return { branching: group.V, depth: group.T, rewards: group.R, reference: levels(group.ref_logits) };
}

export const tree = shape({
  name: 'tree',
  schema: TreeGroup,
  tolerance: 1e-9,
  check(group) {
    const ledger = new Ledger();
    const world = treeOf(group);
    for (const item of group.cases) {
      const found = figures(world, item);
      for (const [name, value] of Object.entries(found)) {
        const expected = item[name as keyof typeof item];
        if (expected !== undefined) ledger.compare(name, value, expected);
      }
    }
    return ledger.errors;
  },
});

type Figures = Omit<Required<Static<typeof Case>>, 'alpha' | 'w'>;

function figures(world: Tree, item: Static<typeof Case>): Figures {
  const at = { alpha: item.alpha, weights: exactWeights(item.w) };
  const best = optimum(asProblem(world), at);
  const mixed = mixedExperts(world, at);
  const reached = treeValue(world, mixed, at);
  const uniform = world.reference.map((level) => new Float64Array(level.length));
  return {
    V_star: best.value,
    J_star: best.value / (1 - item.alpha),
    V_ref: best.referenceValue,
    V_uniform: treeValue(world, uniform, at).value,
    V_logit_mix: reached.value,
    gap_logit_mix: best.value - reached.value,
    ER_star: [...best.rewards],
    KL_star: best.kl,
    ER_mix: [...reached.rewards],
    first_token_probs_star: firstToken(optimalLogits(world, at), world.branching),
    first_token_probs_mix: firstToken(mixed, world.branching),
  };
}

function firstToken(logits: Levels, branching: number): number[] {
  return [...(conditionals(logits.slice(0, 1), branching)[0] ?? [])].map(Math.exp);
}
