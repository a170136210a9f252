/** Groups about a tree that stands elsewhere in the file: realignment, the gradient of V, and RLOO. */
import Type, { type Static } from 'typebox';
import { Value } from 'typebox/value';
import { leaveOneOut } from '../../stages/rl/estimators.js';
import { oneHot, weightedSum } from '../../stages/vector.js';
import { betaOf, optimum } from '../../stages/worlds/finite.js';
import { realigned } from '../../stages/worlds/tree-mixing.js';
import {
  asProblem,
  conditionals,
  leafLogProbabilities,
  optimalLogits,
  type Tree,
  treeGradient,
  treeValue,
} from '../../stages/worlds/tree.js';
import { type Errors, Ledger, shape, type Surroundings } from './shape.js';
import { levels, NodeTables, tables, TreeGroup, treeOf } from './tree.js';

const Numbers = Type.Array(Type.Number());

/** The trees of the file; a group that doesn't say which it means is checked against the one that fits best. */
function trees(around: Surroundings): Tree[] {
  return around.siblings.flatMap((group) => (Value.Check(TreeGroup, group) ? [treeOf(group)] : []));
}

/** The errors against the candidate with the smallest largest error; none at all is infinitely wrong. */
function bestOf<C>(candidates: readonly C[], check: (candidate: C) => Errors): Errors {
  const results = candidates.map(check);
  const worst = (errors: Errors): number => Math.max(...Object.values(errors));
  return results.sort((a, b) => worst(a) - worst(b))[0] ?? { 'no group that it refers to': Infinity };
}

const Realignment = Type.Array(
  Type.Object({
    alpha: Type.Number(),
    lam: Type.Number(),
    V_star: Type.Optional(Type.Number()),
    V_dera: Type.Number(),
    gap: Type.Optional(Type.Number()),
    KL: Type.Optional(Type.Number()),
  }),
  { minItems: 1 },
);

/** DeRa: which tree, which reward and (where no case has lambda 1) which expert is for the fit to find. */
export const realignment = shape({
  name: 'realignment (DeRa)',
  schema: Realignment,
  tolerance: 1e-9,
  check(group, around) {
    const candidates = trees(around).flatMap((tree) =>
      (tree.rewards[0] ?? []).map((_, objective) => ({ tree, objective })),
    );
    return bestOf(candidates, ({ tree, objective }) => realignmentErrors(group, tree, objective));
  },
});

function realignmentErrors(group: Static<typeof Realignment>, tree: Tree, objective: number): Errors {
  const ledger = new Ledger();
  const weights = oneHot(objective, tree.rewards[0]?.length ?? 0);
  // lambda = beta_expert / beta: every case names the expert's beta, and all must name the same one.
  const [first] = group;
  const expertBeta = (first?.lam ?? NaN) * betaOf(first?.alpha ?? NaN);
  const expert = optimalLogits(tree, { alpha: expertBeta / (1 + expertBeta), weights });
  for (const item of group) {
    const at = { alpha: item.alpha, weights };
    const best = optimum(asProblem(tree), at).value;
    const reached = treeValue(tree, realigned(tree, expert, item.lam), at);
    ledger.compare('lam', expertBeta / betaOf(item.alpha), item.lam);
    ledger.compare('V_dera', reached.value, item.V_dera);
    if (item.V_star !== undefined) ledger.compare('V_star', best, item.V_star);
    if (item.gap !== undefined) ledger.compare('gap', best - reached.value, item.gap);
    if (item.KL !== undefined) ledger.compare('KL', reached.kl, item.KL);
  }
  return ledger.errors;
}

const Gradient = Type.Object({
  policy_logits: NodeTables,
  alpha: Type.Number(),
  w: Numbers,
  V: Type.Number(),
  grad: NodeTables,
});

export const gradient = shape({
  name: 'gradient of V',
  schema: Gradient,
  tolerance: 1e-9,
  check(group, around) {
    return bestOf(sameForm(group, trees(around)), (tree) => {
      const ledger = new Ledger();
      const at = { alpha: group.alpha, weights: group.w };
      const logits = levels(group.policy_logits);
      ledger.compare('V', treeValue(tree, logits, at).value, group.V);
      ledger.compare('grad', tables(treeGradient(tree, logits, at), tree.branching), group.grad);
      return ledger.errors;
    });
  },
});

function sameForm(group: Static<typeof Gradient>, candidates: readonly Tree[]): Tree[] {
  return candidates.filter(
    (tree) =>
      tree.depth === group.policy_logits.length &&
      tree.branching === group.policy_logits[0]?.[0]?.length &&
      tree.rewards[0]?.length === group.w.length,
  );
}

const LeaveOneOut = Type.Object({
  samples: Type.Array(Type.Integer()),
  logp: Numbers,
  logp_ref: Numbers,
  returns_G: Numbers,
  adv_rloo: Numbers,
  adv_grpo_population_std_no_eps: Type.Optional(Numbers),
  adv_mean_baseline: Type.Optional(Numbers),
  grad_estimate: Type.Optional(NodeTables),
});

/** Sampled leaves of the policy of a gradient group. */
export const leaveOneOutGroup = shape({
  name: 'leave-one-out',
  schema: LeaveOneOut,
  tolerance: 1e-9,
  check(group, around) {
    const policies = around.siblings.filter((other) => Value.Check(Gradient, other));
    const candidates = policies.flatMap((policy) =>
      sameForm(policy, trees(around)).map((tree) => ({ policy, tree })),
    );
    return bestOf(candidates, ({ policy, tree }) => leaveOneOutErrors(group, policy, tree));
  },
});

function leaveOneOutErrors(
  group: Static<typeof LeaveOneOut>,
  policy: Static<typeof Gradient>,
  tree: Tree,
): Errors {
  const ledger = new Ledger();
  const logits = levels(policy.policy_logits);
  const leaves = leafLogProbabilities(logits, tree.branching);
  const reference = leafLogProbabilities(tree.reference, tree.branching);
  const returns = group.samples.map((leaf) => {
    const scalar = weightedSum(policy.w, tree.rewards[leaf] ?? []);
    const ratio = (leaves[leaf] ?? NaN) - (reference[leaf] ?? NaN);
    return (1 - policy.alpha) * scalar - policy.alpha * ratio;
  });
  const advantages = leaveOneOut(returns);
  const mean = returns.reduce((a, b) => a + b, 0) / returns.length;
  const centred = returns.map((r) => r - mean);
  const deviation = Math.sqrt(centred.reduce((sum, d) => sum + d * d, 0) / centred.length);
  ledger.compare(
    'logp',
    group.samples.map((leaf) => leaves[leaf]),
    group.logp,
  );
  ledger.compare(
    'logp_ref',
    group.samples.map((leaf) => reference[leaf]),
    group.logp_ref,
  );
  ledger.compare('returns_G', returns, group.returns_G);
  ledger.compare('adv_rloo', advantages, group.adv_rloo);
  if (group.adv_mean_baseline) ledger.compare('adv_mean_baseline', centred, group.adv_mean_baseline);
  if (group.adv_grpo_population_std_no_eps) {
    const scaled = centred.map((d) => d / deviation);
    ledger.compare('adv_grpo', scaled, group.adv_grpo_population_std_no_eps);
  }
  if (group.grad_estimate) {
    const estimate = scoreGradient(tree, logits, { samples: group.samples, advantages });
    ledger.compare('grad_estimate', tables(estimate, tree.branching), group.grad_estimate);
  }
  return ledger.errors;
}

/** (1/K) sum_j A_j grad log pi(y_j) by every node logit. */
function scoreGradient(
  tree: Tree,
  logits: readonly Float64Array[],
  drawn: { readonly samples: readonly number[]; readonly advantages: Float64Array },
): Float64Array[] {
  const { branching, depth } = tree;
  const estimate = logits.map((level) => new Float64Array(level.length));
  const policy = conditionals(logits, branching);
  drawn.samples.forEach((leaf, j) => {
    const share = (drawn.advantages[j] ?? 0) / drawn.samples.length;
    for (let t = 0; t < depth; t++) {
      const child = Math.floor(leaf / branching ** (depth - 1 - t));
      const node = Math.floor(child / branching);
      const level = estimate[t] ?? new Float64Array();
      for (let sibling = node * branching; sibling < (node + 1) * branching; sibling++) {
        const p = Math.exp(policy[t]?.[sibling] ?? -Infinity);
        level[sibling] = (level[sibling] ?? 0) + share * ((sibling === child ? 1 : 0) - p);
      }
    }
  });
  return estimate;
}
