/** The enumerable world: rewards and reference probabilities of single responses, and means over documents. */
import Type, { type Static } from 'typebox';
import {
  type Document,
  documents,
  enumerableRewards,
  hedge,
  leafOf,
  referenceLeaves,
  type Response,
  symbols,
} from '../../stages/worlds/enumerable.js';
import {
  enumerableMixing,
  type EnumerableWorld,
  enumerableClasses,
} from '../../stages/worlds/enumerable-front.js';
import { klTerm } from '../../stages/worlds/log-space.js';
import { optimalPolicy } from '../../stages/worlds/finite.js';
import { exactWeights, Ledger, shape } from './shape.js';

const Numbers = Type.Array(Type.Number());
/** Beside these, rewards at a dial of .75 under the name R_c075, and so on. */
const Example = Type.Object({
  x: Type.Array(Type.Integer(), { minItems: 4, maxItems: 4 }),
  y: Type.Array(Type.Integer(), { minItems: 3, maxItems: 3 }),
  sft_prob: Type.Optional(Type.Number()),
});
const Exact = Type.Object({
  c: Type.Number(),
  rewards: Type.Array(Type.Integer()),
  alpha: Type.Number(),
  w: Numbers,
  V_star: Type.Number(),
  V_ref: Type.Optional(Type.Number()),
  gap_logit_mix: Type.Optional(Type.Number()),
  hedge_star: Type.Optional(Type.Number()),
  ER_star: Type.Optional(Numbers),
});
const World = Type.Object({
  n_docs: Type.Optional(Type.Integer()),
  doc_sum: Type.Optional(Type.Integer()),
  n_canonical_responses: Type.Optional(Type.Integer()),
  sft_entropy_mean: Type.Optional(Type.Number()),
  examples: Type.Array(Example),
  exact: Type.Array(Exact),
});

export const enumerableWorldGroup = shape({
  name: 'enumerable world',
  schema: World,
  tolerance: 1e-9,
  check(group) {
    const ledger = new Ledger();
    checkDocuments(group, ledger);
    for (const example of group.examples) checkExample(example, ledger);
    const worlds = new Map<string, EnumerableWorld>();
    for (const item of group.exact) {
      const key = JSON.stringify([item.c, item.rewards]);
      const world = worlds.get(key) ?? enumerableClasses(item.c, item.rewards);
      worlds.set(key, world);
      checkExact(item, world, ledger);
    }
    return ledger.errors;
  },
});

function checkDocuments(group: Static<typeof World>, ledger: Ledger): void {
  const all = documents();
  const references = all.map(referenceLeaves);
  const possible = references[0]?.filter((log) => log > -Infinity).length;
  const entropies = references.map((logs) => -logs.reduce((sum, log) => sum + klTerm(log, 0), 0));
  const sum = all.flat().reduce((a, b) => a + b, 0);
  if (group.n_docs !== undefined) ledger.compare('n_docs', all.length, group.n_docs);
  if (group.doc_sum !== undefined) ledger.compare('doc_sum', sum, group.doc_sum);
  if (group.n_canonical_responses !== undefined)
    ledger.compare('n_canonical_responses', possible, group.n_canonical_responses);
  if (group.sft_entropy_mean !== undefined)
    ledger.compare('sft_entropy_mean', mean(entropies), group.sft_entropy_mean);
}

function checkExample(example: Static<typeof Example>, ledger: Ledger): void {
  const document = example.x as unknown as Document;
  const response = example.y as unknown as Response;
  if (example.sft_prob !== undefined) {
    const log = referenceLeaves(document)[leafOf(response)] ?? NaN;
    ledger.compare('sft_prob', Math.exp(log), example.sft_prob);
  }
  for (const [name, expected] of Object.entries(example)) {
    const dial = /^R_c(\d)(\d*)$/.exec(name);
    if (!dial) continue;
    const c = Number(`${dial[1] ?? ''}.${dial[2] ?? ''}`);
    ledger.compare('rewards', enumerableRewards(document, response, c), expected);
  }
}

function checkExact(item: Static<typeof Exact>, world: EnumerableWorld, ledger: Ledger): void {
  const at = { alpha: item.alpha, weights: exactWeights(item.w) };
  const mixed = enumerableMixing(world, at);
  ledger.compare('V_star', mixed.optimum, item.V_star);
  if (item.V_ref !== undefined) ledger.compare('V_ref', mixed.reference, item.V_ref);
  if (item.gap_logit_mix !== undefined) ledger.compare('gap_logit_mix', mixed.regret, item.gap_logit_mix);
  if (item.ER_star) ledger.compare('ER_star', mixed.optimumRewards, item.ER_star);
  if (item.hedge_star === undefined) return;
  const hedging = world.problems.map((problem) => {
    const leaves = optimalPolicy(problem, at);
    const below = leaves.slice(hedge * symbols ** 2, (hedge + 1) * symbols ** 2);
    return below.reduce((sum, log) => sum + Math.exp(log), 0);
  });
  const documentsIn = world.sizes.reduce((a, b) => a + b, 0);
  const total = hedging.reduce((sum, p, i) => sum + p * (world.sizes[i] ?? 0), 0);
  ledger.compare('hedge_star', total / documentsIn, item.hedge_star);
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
