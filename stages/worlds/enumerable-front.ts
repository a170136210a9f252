/** Means over the enumerable world's documents: what a policy, or mixing, reaches at one trade-off. */
import type { ExactPoint } from '../../schemas/artifact.js';
import type { TradeOff } from '../policy/types.js';
import { type Document, documentClasses, documents, enumerableTree } from './enumerable.js';
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
  /** How many documents each stands for. */
  readonly sizes: readonly number[];
}

/** All documents. @param objectives indices into `enumerableObjectives` */
export function enumerableWorld(dial: number, objectives: readonly number[]): EnumerableWorld {
  const all = documents().map((document) => ({ document, size: 1 }));
  return worldOf(all, { dial, objectives });
}

/**
 * One document of each class of equals, which gives the same means some fifty times faster. Only for policies that
 * don't depend on the names of the symbols, such as optima and their mixtures.
 */
export function enumerableClasses(dial: number, objectives: readonly number[]): EnumerableWorld {
  return worldOf(documentClasses(), { dial, objectives });
}

function worldOf(
  classes: readonly { readonly document: Document; readonly size: number }[],
  options: { readonly dial: number; readonly objectives: readonly number[] },
): EnumerableWorld {
  const trees = classes.map(({ document }) => enumerableTree(document, options));
  return {
    documents: classes.map(({ document }) => document),
    trees,
    problems: trees.map(asProblem),
    sizes: classes.map(({ size }) => size),
  };
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
    const logPolicy = leafLogProbabilities(policy(document, tree), tree.branching);
    return { problem, logPolicy, count: world.sizes[i] ?? 1 };
  });
  return exactPoint(prompts, tradeOff);
}

/** What mixing the exact single-reward optima, token by token, reaches; its regret is the mixing gap. */
export function enumerableMixing(world: EnumerableWorld, tradeOff: TradeOff): ExactPoint {
  return enumerablePoint(world, (_, tree) => mixedExperts(tree, tradeOff), tradeOff);
}
