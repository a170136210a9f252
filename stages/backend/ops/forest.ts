/**
 * Tokens as trees: every text that a step needs, each shared beginning once, without padding. A plain text is
 * a chain; samples packed behind their prompt are a chain that branches; the strings of a world are a trie.
 * Each node attends to itself and its ancestors.
 */
export interface Forest {
  /** N nodes, tree after tree, parents before children. */
  readonly tokens: Int32Array;
  /** Index of each node's parent; -1 for a root. */
  readonly parents: Int32Array;
  /** Number of ancestors: the node's position. */
  readonly depths: Int32Array;
  readonly trees: readonly Tree[];
}

/** Nodes start..end; the first `trunk` of them are the chain that all others descend from. */
export interface Tree {
  readonly start: number;
  readonly end: number;
  readonly trunk: number;
}

/** Keys of a tree's branch nodes beyond the trunk, counted: itself and its ancestors there. */
export function branchKeys(forest: Forest, tree: Tree): number {
  let count = 0;
  for (let i = tree.start + tree.trunk; i < tree.end; i++) count += (forest.depths[i] ?? 0) + 1 - tree.trunk;
  return count;
}
