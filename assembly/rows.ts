// Rows: layer norm, log-softmax, biases.
import { largestOf } from './softmax';
import { addScaled, expOf, loadSome, total } from './vectors';

@external("env", "log")
declare function log(x: f64): f64;

/** sum of exp(x - top). */
function sumOfExp(x: usize, count: i32, top: f32): f32 {
  const shift = f32x4.splat(top);
  let sum = f32x4.splat(0);
  for (; count >= 4; count -= 4, x += 16) sum = f32x4.add(sum, expOf(f32x4.sub(v128.load(x), shift)));
  if (count > 0) sum = f32x4.add(sum, expOf(f32x4.sub(loadSome(x, count, -Infinity), shift)));
  return total(sum);
}

/** In place. */
export function logSoftmax(at: usize, rows: i32, columns: i32): void {
  for (; rows > 0; rows--) {
    const top = largestOf(at, columns);
    const shift = top + (log(sumOfExp(at, columns, top)) as f32);
    const shifts = f32x4.splat(shift);
    let c = 0;
    for (; c + 4 <= columns; c += 4, at += 16) v128.store(at, f32x4.sub(v128.load(at), shifts));
    for (; c < columns; c++, at += 4) store<f32>(at, load<f32>(at) - shift);
  }
}

/** One row: dx = dy - exp(y) (sum of dy - less). */
export function logSoftmaxGradient(y: usize, dy: usize, dx: usize, columns: i32, less: f32): void {
  let sums = f32x4.splat(0);
  let c = 0;
  for (; c + 4 <= columns; c += 4) sums = f32x4.add(sums, v128.load(dy + c * 4));
  let sum = total(sums) - less;
  for (; c < columns; c++) sum += load<f32>(dy + c * 4);
  const factor = f32x4.splat(sum);
  for (c = 0; c + 4 <= columns; c += 4)
    v128.store(dx + c * 4, f32x4.sub(v128.load(dy + c * 4), f32x4.mul(factor, expOf(v128.load(y + c * 4)))));
  for (; c < columns; c++) {
    const e = f32x4.extract_lane(expOf(f32x4.splat(load<f32>(y + c * 4))), 0);
    store<f32>(dx + c * 4, load<f32>(dy + c * 4) - sum * e);
  }
}

/** sum of -exp(p) p over one row. */
export function entropy(p: usize, columns: i32): f32 {
  let sum = f32x4.splat(0);
  for (; columns >= 4; columns -= 4, p += 16) {
    const x = v128.load(p);
    sum = f32x4.sub(sum, f32x4.mul(expOf(x), x));
  }
  if (columns > 0) {
    // exp is 0 of what is filled in.
    const x = loadSome(p, columns, -1e9);
    sum = f32x4.sub(sum, f32x4.mul(expOf(x), x));
  }
  return total(sum);
}

/** y[r] += bias, each of `rows`. */
export function addToRows(bias: usize, y: usize, rows: i32, columns: i32): void {
  for (; rows > 0; rows--, y += columns * 4) addScaled(y, bias, 1, columns);
}

/** sums = those of the columns. */
export function sumRows(from: usize, rows: i32, columns: i32, sums: usize): void {
  memory.fill(sums, 0, columns * 4);
  for (; rows > 0; rows--, from += columns * 4) addScaled(sums, from, 1, columns);
}

/** Layer norm; `statistics` takes mean and scale of each row, unless it is 0. Columns are a multiple of 4. */
export function layerNorm(
  x: usize,
  gain: usize,
  bias: usize,
  y: usize,
  statistics: usize,
  rows: i32,
  columns: i32,
  epsilon: f32,
): void {
  const n = columns as f32;
  for (; rows > 0; rows--, x += columns * 4, y += columns * 4) {
    let sums = f32x4.splat(0);
    for (let c = 0; c < columns; c += 4) sums = f32x4.add(sums, v128.load(x + c * 4));
    const mean = total(sums) / n;
    const means = f32x4.splat(mean);
    let squares = f32x4.splat(0);
    for (let c = 0; c < columns; c += 4) {
      const centred = f32x4.sub(v128.load(x + c * 4), means);
      squares = f32x4.add(squares, f32x4.mul(centred, centred));
    }
    const scale: f32 = 1 / sqrt<f32>(total(squares) / n + epsilon);
    const scales = f32x4.splat(scale);
    for (let c = 0; c < columns; c += 4) {
      const normal = f32x4.mul(f32x4.sub(v128.load(x + c * 4), means), scales);
      v128.store(y + c * 4, f32x4.add(f32x4.mul(normal, v128.load(gain + c * 4)), v128.load(bias + c * 4)));
    }
    if (statistics == 0) continue;
    store<f32>(statistics, mean);
    store<f32>(statistics, scale, 4);
    statistics += 8;
  }
}

/** dx = scale (g - mean(g) - xhat mean(g xhat)) with g = gain dy; dgain and dbias add up over the rows. */
export function layerNormGradient(
  x: usize,
  gain: usize,
  statistics: usize,
  dy: usize,
  dx: usize,
  dgain: usize,
  dbias: usize,
  rows: i32,
  columns: i32,
): void {
  const n = columns as f32;
  memory.fill(dgain, 0, columns * 4);
  memory.fill(dbias, 0, columns * 4);
  for (; rows > 0; rows--, x += columns * 4, dy += columns * 4, dx += columns * 4, statistics += 8) {
    const means = v128.load32_splat(statistics);
    const scales = v128.load32_splat(statistics, 4);
    let sums = f32x4.splat(0);
    let alongs = f32x4.splat(0);
    for (let c = 0; c < columns; c += 4) {
      const normal = f32x4.mul(f32x4.sub(v128.load(x + c * 4), means), scales);
      const upper = v128.load(dy + c * 4);
      const g = f32x4.mul(upper, v128.load(gain + c * 4));
      sums = f32x4.add(sums, g);
      alongs = f32x4.add(alongs, f32x4.mul(g, normal));
      v128.store(dgain + c * 4, f32x4.add(v128.load(dgain + c * 4), f32x4.mul(upper, normal)));
      v128.store(dbias + c * 4, f32x4.add(v128.load(dbias + c * 4), upper));
    }
    const sum = f32x4.splat(total(sums) / n);
    const along = f32x4.splat(total(alongs) / n);
    for (let c = 0; c < columns; c += 4) {
      const normal = f32x4.mul(f32x4.sub(v128.load(x + c * 4), means), scales);
      const g = f32x4.mul(v128.load(dy + c * 4), v128.load(gain + c * 4));
      v128.store(dx + c * 4, f32x4.mul(scales, f32x4.sub(f32x4.sub(g, sum), f32x4.mul(normal, along))));
    }
  }
}
