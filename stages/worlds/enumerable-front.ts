/** Means over the enumerable world's documents: what a policy, or mixing, reaches at one trade-off. */
import type { ExactPoint } from '../../schemas/artifact.js';
import type { TradeOff } from '../policy/types.js';
import { type Document, documents, enumerableTree } from './enumerable.js';
import { exactPoint } from './finite.js';
import type { FiniteProblem } from './types.js';
import { mixedExperts } from './tree-mixing.js';
import { asProblem, leafLogProbabilities, type Levels, type Tree } from './tree.js';

/** Any tabular policy: node logits of a document's tree. */
export type DocumentPolicy = (document: Document, tree: Tree) => Levels;

/** The documents' trees at one dial; made once and used for many trade-offs. */
export interface EnumerableWorld {
  readonly documents: readonly Document[];
  readonly trees: readonly Tree[];
  readonly problems: readonly FiniteProblem[];
}

/** @param objectives indices into `enumerableObjectives` */
export function enumerableWorld(dial: number, objectives: readonly number[]): EnumerableWorld {
  const all = documents();
  const trees = all.map((document) => enumerableTree(document, { dial, objectives }));
  return { documents: all, trees, problems: trees.map(asProblem) };
}

/** V, V*, V_ref, regret and rewards of a policy, averaged over the documents. */
export function enumerablePoint(
  world: EnumerableWorld,
  policy: DocumentPolicy,
  tradeOff: TradeOff,
): ExactPoint {
  const prompts = world.problems.map((problem, i) => {
    const [document, tree] = [world.documents[i], world.trees[i]];
    if (!document || !tree)
      throw new Error('internal error: a problem without its document; please report it');
    return { problem, logPolicy: leafLogProbabilities(policy(document, tree), tree.branching) };
  });
  return exactPoint(prompts, tradeOff);
}

/** What mixing the exact single-reward optima, token by token, reaches; its regret is the mixing gap. */
export function enumerableMixing(world: EnumerableWorld, tradeOff: TradeOff): ExactPoint {
  return enumerablePoint(world, (_, tree) => mixedExperts(tree, tradeOff), tradeOff);
}
