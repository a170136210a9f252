/** Forest attention by the vector loops of an engine, one call a tree and head. */
import type { Address, Memory } from '../memory.js';
import type { AttentionAttributes, Flow, Part } from './attention-parts.js';
import { branchKeys, type Forest } from './forest.js';

interface Vectors {
  /** `out` is the head's place in row 0. */
  attend(part: Part, out: Address): void;
  goBack(part: Part, flow: Flow): void;
}

/** Undefined where the engine has none, or they don't serve: for dropout, and heads of odd width. */
export function vectorsFor(
  memory: Memory,
  { forest, rate }: AttentionAttributes,
  d: number,
): Vectors | undefined {
  const { simd } = memory;
  if (!simd || rate > 0 || d % 4 !== 0) return undefined;
  const space = memory.scratch(roomFor(forest, d));
  const { parents, depths } = laid(memory, forest);
  /** What both ways read: heads, nodes, sizes. */
  const places = ({ tree: { start }, q, k, v, row }: Part) =>
    [4 * (q + start * row), 4 * (k + start * row), 4 * (v + start * row), 4 * row] as const;
  const sizes = ({ tree: { start }, weights, n, p, d }: Part) =>
    [4 * weights, 4 * (parents + start), 4 * (depths + start), n, p, d] as const;
  return {
    attend(part, out) {
      const { tree, width } = part;
      simd.attend(...places(part), 4 * (out + tree.start * width), 4 * width, ...sizes(part), 4 * space);
    },
    goBack(part, { dy, q, k, v }) {
      const { tree, width, row } = part;
      const to = [q, k, v].map((at) => 4 * (at + tree.start * row)) as [number, number, number];
      const from = [4 * (dy + tree.start * width), 4 * width] as const;
      simd.attendGradient(...places(part), ...from, ...sizes(part), ...to, 4 * space);
    },
  };
}

/** As `assembly/attention.ts` needs on the way back, which takes more. */
function roomFor(forest: Forest, d: number): number {
  const rooms = forest.trees.map((tree) => {
    const nodes = tree.end - tree.start;
    return (d + 2 * nodes) * (tree.trunk + 3) + branchKeys(forest, tree);
  });
  return Math.max(0, ...rooms);
}

/** The forest's parents, counted within each tree, and depths, as whole numbers in the heap. */
function laid(
  memory: Memory,
  { parents, depths, trees }: Forest,
): { readonly parents: Address; readonly depths: Address } {
  const at = { parents: memory.scratch(parents.length), depths: memory.scratch(depths.length) };
  const integers = new Int32Array(memory.heap().buffer);
  integers.set(depths, at.depths);
  for (const { start, end } of trees)
    for (let i = start; i < end; i++) integers[at.parents + i] = (parents[i] ?? 0) - start;
  return at;
}
