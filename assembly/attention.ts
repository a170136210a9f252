// Attention of one tree and head, forward and backward, as stages/backend/ops/attention-parts.ts lays it out: keys of the
// trunk through products of matrices as far as a row sees them, keys of a node's own branch one by one.
import { expAll, largestOf } from './softmax';
import { addScaled, dot, multiply } from './vectors';

/** Rows of a block: what `multiply` takes at once. */
const TOGETHER = 4;

@inline
function rounded(count: i32): i32 {
  return (count + 3) & ~3;
}

/** Keys that rows i .. i + 3 may see of a trunk of p. */
@inline
function seen(i: i32, p: i32): i32 {
  return min(i + TOGETHER, p);
}

/** to (d, padded) = the trunk's rows of keys or values times a factor, turned; 0 beyond them. */
function packTurned(from: usize, row: usize, p: i32, d: i32, to: usize, padded: i32, factor: f32): void {
  for (let c = 0; c < d; c++, from += 4) {
    let at = from;
    for (let i = 0; i < p; i++, at += row, to += 4) store<f32>(to, factor * load<f32>(at));
    for (let i = p; i < padded; i++, to += 4) store<f32>(to, 0);
  }
}

/** s (n, padded) = a (n, d) turned (d, padded), as far as the trunk is seen. */
function againstTrunk(
  n: i32,
  p: i32,
  d: i32,
  a: usize,
  aRow: usize,
  turned: usize,
  padded: i32,
  s: usize,
): void {
  const ld = (padded as usize) * 4;
  for (let i = 0; i < n; i += TOGETHER) {
    const rows = min(n - i, TOGETHER);
    const at = s + (i as usize) * ld;
    multiply(rows, rounded(seen(i, p)), d, a + (i as usize) * aRow, aRow, 4, turned, ld, at, ld, false);
  }
}

/** c (n, d) = s (n, padded) times rows of the trunk, as far as it is seen. */
function mixTrunk(
  n: i32,
  p: i32,
  d: i32,
  s: usize,
  padded: i32,
  b: usize,
  row: usize,
  c: usize,
  ldc: usize,
): void {
  const ld = (padded as usize) * 4;
  for (let i = 0; i < n; i += TOGETHER) {
    const rows = min(n - i, TOGETHER);
    const at = c + (i as usize) * ldc;
    multiply(rows, d, seen(i, p), s + (i as usize) * ld, ld, 4, b, row, at, ldc, false);
  }
}

/** c (p, d) += s' times rows of all nodes: a key is seen from itself on. */
function backToTrunk(
  n: i32,
  p: i32,
  d: i32,
  s: usize,
  padded: i32,
  b: usize,
  bRow: usize,
  c: usize,
  ldc: usize,
): void {
  const ld = (padded as usize) * 4;
  for (let j = 0; j < p; j += TOGETHER) {
    const keys = min(p - j, TOGETHER);
    const first = j as usize;
    multiply(keys, d, n - j, s + first * ld + first * 4, 4, ld, b + first * bRow, bRow, c + first * ldc, ldc, true);
  }
}

/** Branch keys of a node at a depth. */
@inline
function branchOf(depth: i32, p: i32): i32 {
  return max(0, depth + 1 - p);
}

/**
 * out (n, d) = softmax(q k') v; weights (n, p) and the branch's behind them are kept for the way back. `q`, `k`, `v` and `out` are
 * the head's first channels at the tree's first node, `parents` and `depths` those of its nodes, counted within the tree.
 * `space` has room for (d + n) (p + 3) floats. d is a multiple of 4.
 */
export function attend(
  q: usize,
  k: usize,
  v: usize,
  row: usize,
  out: usize,
  width: usize,
  weights: usize,
  parents: usize,
  depths: usize,
  n: i32,
  p: i32,
  d: i32,
  space: usize,
): void {
  const padded = rounded(p);
  const scale: f32 = 1 / sqrt<f32>(d as f32);
  const s = space + ((d * padded) as usize) * 4;
  packTurned(k, row, p, d, space, padded, scale);
  againstTrunk(n, p, d, q, row, space, padded, s);
  let tail = weights + ((n * p) as usize) * 4;
  for (let i = 0; i < n; i++) {
    const count = branchOf(load<i32>(depths + i * 4), p);
    branchScores(q + (i as usize) * row, k, row, parents, i, count, d, scale, tail);
    const at = s + ((i * padded) as usize) * 4;
    softmaxNode(at, min(i + 1, p), padded, tail, count);
    memory.copy(weights + ((i * p) as usize) * 4, at, p * 4);
    tail += count * 4;
  }
  mixTrunk(n, p, d, s, padded, v, row, out, width);
  tail = weights + ((n * p) as usize) * 4;
  for (let i = p; i < n; i++) {
    let node = i;
    for (let j = branchOf(load<i32>(depths + i * 4), p); j > 0; j--, tail += 4) {
      addScaled(out + (i as usize) * width, v + (node as usize) * row, load<f32>(tail), d);
      node = load<i32>(parents + node * 4);
    }
  }
}

/** From the node itself upward. */
function branchScores(
  query: usize,
  k: usize,
  row: usize,
  parents: usize,
  node: i32,
  count: i32,
  d: i32,
  scale: f32,
  to: usize,
): void {
  for (; count > 0; count--, to += 4) {
    store<f32>(to, scale * dot(query, k + (node as usize) * row, d));
    node = load<i32>(parents + node * 4);
  }
}

/** Scores of one node become weights: `limit` of the trunk's, 0 behind them, and the branch's. */
function softmaxNode(row: usize, limit: i32, padded: i32, tail: usize, count: i32): void {
  const top = f32x4.splat(max(largestOf(row, limit), largestOf(tail, count)));
  const sum = expAll(row, limit, top) + expAll(tail, count, top);
  const factor: f32 = 1 / sum;
  scaleAll(row, limit, factor);
  scaleAll(tail, count, factor);
  memory.fill(row + limit * 4, 0, (padded - limit) * 4);
}

function scaleAll(x: usize, count: i32, factor: f32): void {
  const factors = f32x4.splat(factor);
  for (; count >= 4; count -= 4, x += 16) v128.store(x, f32x4.mul(v128.load(x), factors));
  for (; count > 0; count--, x += 4) store<f32>(x, load<f32>(x) * factor);
}

/**
 * The way back of `attend`: writes dq, adds to dk and dv, which are 0 at first. `dy` is the gradient of its output. `space`
 * has room for (d + 2n) (p + 3) floats and the branch's weights.
 */
export function attendGradient(
  q: usize,
  k: usize,
  v: usize,
  row: usize,
  dy: usize,
  width: usize,
  weights: usize,
  parents: usize,
  depths: usize,
  n: i32,
  p: i32,
  d: i32,
  dq: usize,
  dk: usize,
  dv: usize,
  space: usize,
): void {
  const padded = rounded(p);
  const factor: f32 = 1 / sqrt<f32>(d as f32);
  const block = ((n * padded) as usize) * 4;
  const kept = space + ((d * padded) as usize) * 4;
  const s = kept + block;
  const tails = s + block;
  for (let i = 0; i < n; i++) {
    const at = kept + ((i * padded) as usize) * 4;
    memory.copy(at, weights + ((i * p) as usize) * 4, p * 4);
    for (let j = p; j < padded; j++) store<f32>(at + j * 4, 0);
  }
  // Values: dV = W' dO. Weights: dW = dO V'.
  packTurned(v, row, p, d, space, padded, 1);
  backToTrunk(n, p, d, kept, padded, dy, width, dv, row);
  againstTrunk(n, p, d, dy, width, space, padded, s);
  let own = weights + ((n * p) as usize) * 4;
  let tail = tails;
  for (let i = p; i < n; i++) {
    const upper = dy + (i as usize) * width;
    let node = i;
    for (let j = branchOf(load<i32>(depths + i * 4), p); j > 0; j--, own += 4, tail += 4) {
      addScaled(dv + (node as usize) * row, upper, load<f32>(own), d);
      store<f32>(tail, dot(upper, v + (node as usize) * row, d));
      node = load<i32>(parents + node * 4);
    }
  }
  own = weights + ((n * p) as usize) * 4;
  tail = tails;
  for (let i = 0; i < n; i++) {
    const count = branchOf(load<i32>(depths + i * 4), p);
    const at = ((i * padded) as usize) * 4;
    softmaxSlopes(kept + at, s + at, min(i + 1, p), padded, own, tail, count, factor);
    own += count * 4;
    tail += count * 4;
  }
  // Queries and keys: dQ = dS K, dK = dS' Q.
  mixTrunk(n, p, d, s, padded, k, row, dq, row);
  backToTrunk(n, p, d, s, padded, q, row, dk, row);
  tail = tails;
  for (let i = p; i < n; i++) {
    let node = i;
    for (let j = branchOf(load<i32>(depths + i * 4), p); j > 0; j--, tail += 4) {
      addScaled(dq + (i as usize) * row, k + (node as usize) * row, load<f32>(tail), d);
      addScaled(dk + (node as usize) * row, q + (i as usize) * row, load<f32>(tail), d);
      node = load<i32>(parents + node * 4);
    }
  }
}

/** dS = factor W (dW - sum W dW) in place, over the trunk, 0 behind it, and the branch. */
function softmaxSlopes(
  w: usize,
  s: usize,
  limit: i32,
  padded: i32,
  own: usize,
  tail: usize,
  count: i32,
  factor: f32,
): void {
  const sum = dot(w, s, limit) + dot(own, tail, count);
  slopes(w, s, limit, sum, factor);
  slopes(own, tail, count, sum, factor);
  memory.fill(s + limit * 4, 0, (padded - limit) * 4);
}

function slopes(w: usize, s: usize, count: i32, sum: f32, factor: f32): void {
  const sums = f32x4.splat(sum);
  const factors = f32x4.splat(factor);
  for (; count >= 4; count -= 4, w += 16, s += 16)
    v128.store(
      s,
      f32x4.mul(f32x4.mul(factors, v128.load(w)), f32x4.sub(v128.load(s), sums)),
    );
  for (; count > 0; count--, w += 4, s += 4) store<f32>(s, factor * load<f32>(w) * (load<f32>(s) - sum));
}
