/**
 * Forest attention, forward and backward. Keys of the trunk go through the matrix product (all nodes of a tree
 * at once); keys of a node's own branch, few and scattered, through plain loops.
 *
 * Weights are kept for the way back, per tree and head: a block (nodes, trunk), zero above the diagonal, then
 * the branch weights of each branch node, from itself upward.
 */
import type { Address, Memory } from '../memory.js';
import { inTwo } from './dropout.js';
import { branchKeys, type Forest, type Tree } from './forest.js';

export interface AttentionAttributes {
  readonly forest: Forest;
  readonly heads: number;
  /** Heads of keys and values, each shared by heads / keyHeads of the queries. */
  readonly keyHeads: number;
  readonly rate: number;
  readonly seed: number;
}

/** One tree and head: sizes, where its rows start, and where its weights stand. */
export interface Part {
  readonly forest: Forest;
  readonly tree: Tree;
  /** Nodes, trunk keys, branch keys, head width. */
  readonly n: number;
  readonly p: number;
  readonly branch: number;
  readonly d: number;
  /** Channels of a row of queries, keys and values, and of a row of the output. */
  readonly row: number;
  readonly width: number;
  /** Addresses of the head's first query, key and value in row 0, and of its weights. */
  readonly q: Address;
  readonly k: Address;
  readonly v: Address;
  readonly weights: Address;
  readonly seed: number;
}

/** The head's first channel in row 0 of the output's gradient, and of those of its queries, keys and values. */
export interface Flow {
  readonly dy: Address;
  readonly q: Address;
  readonly k: Address;
  readonly v: Address;
}

export function weightCount(forest: Forest, heads: number): number {
  return (
    heads *
    forest.trees.reduce(
      (sum, tree) => sum + (tree.end - tree.start) * tree.trunk + branchKeys(forest, tree),
      0,
    )
  );
}

/** As kernels/attention.h reads them. */
export function nativeForest({ forest, heads, keyHeads, rate, seed }: AttentionAttributes): {
  readonly numbers: readonly number[];
  readonly indices: readonly Int32Array[];
} {
  const trees = forest.trees.flatMap(({ start, end, trunk }) => [start, end, trunk]);
  return {
    numbers: inTwo(rate),
    indices: [forest.parents, forest.depths, Int32Array.from(trees), Int32Array.of(heads, keyHeads, seed)],
  };
}

/** Width of a head, in a row of queries, keys and values. */
export function headWidth({ heads, keyHeads }: AttentionAttributes, row: number): number {
  return row / (heads + 2 * keyHeads);
}

export function* parts(
  attributes: AttentionAttributes,
  qkv: Address,
  row: number,
  weights: Address,
): Generator<Part> {
  const { forest, heads, keyHeads, seed } = attributes;
  const d = headWidth(attributes, row);
  const width = heads * d;
  let at = weights;
  for (const tree of forest.trees) {
    const n = tree.end - tree.start;
    const branch = branchKeys(forest, tree);
    for (let head = 0; head < heads; head++) {
      const k = qkv + width + Math.floor((head * keyHeads) / heads) * d;
      const places = { q: qkv + head * d, k, v: k + keyHeads * d, weights: at, seed: seed + at - weights };
      yield { forest, tree, n, p: tree.trunk, branch, d, row, width, ...places };
      at += n * tree.trunk + branch;
    }
  }
}

export type Space = Readonly<Record<'q' | 'k' | 'v' | 'o' | 'turned' | 'slopes' | 'kept', Address>>;

/** Room for the largest tree; `slopes`, `turned` and `o` are the way back's. */
export function scratchFor(memory: Memory, forest: Forest, d: number, dropout: boolean): Space {
  const nodes = Math.max(0, ...forest.trees.map((tree) => tree.end - tree.start));
  const weights = Math.max(
    0,
    ...forest.trees.map((tree) => (tree.end - tree.start) * tree.trunk + branchKeys(forest, tree)),
  );
  return {
    q: memory.scratch(nodes * d),
    k: memory.scratch(nodes * d),
    v: memory.scratch(nodes * d),
    o: memory.scratch(nodes * d),
    turned: memory.scratch(weights),
    slopes: memory.scratch(weights),
    kept: dropout ? memory.scratch(weights) : 0,
  };
}

/** to (n, d) = queries, scaled. */
export function packQueries(heap: Float32Array, { tree, n, d, row, q }: Part, to: Address): void {
  const scale = 1 / Math.sqrt(d);
  for (let i = 0; i < n; i++) {
    const from = q + (tree.start + i) * row;
    for (let c = 0; c < d; c++) heap[to + i * d + c] = (heap[from + c] ?? 0) * scale;
  }
}

/** to (p, d) = the trunk's rows of keys or values. */
export function packRows(heap: Float32Array, { tree, p, d, row }: Part, from: Address, to: Address): void {
  for (let i = 0; i < p; i++) {
    const at = from + (tree.start + i) * row;
    for (let c = 0; c < d; c++) heap[to + i * d + c] = heap[at + c] ?? 0;
  }
}

/** to (d, p) = the same, transposed. */
export function packTurned(heap: Float32Array, { tree, p, d, row }: Part, from: Address, to: Address): void {
  for (let i = 0; i < p; i++) {
    const at = from + (tree.start + i) * row;
    for (let c = 0; c < d; c++) heap[to + c * p + i] = heap[at + c] ?? 0;
  }
}

/** Visits (node in the tree, key node, index among the branch weights). */
export function eachBranchKey(
  { forest, tree, n, p }: Part,
  visit: (i: number, node: number, offset: number) => void,
): void {
  let offset = 0;
  for (let i = p; i < n; i++) {
    let node = tree.start + i;
    const end = offset + (forest.depths[node] ?? 0) + 1 - p;
    for (; offset < end; offset++) {
      visit(i, node, offset);
      node = forest.parents[node] ?? -1;
    }
  }
}
