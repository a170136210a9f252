// Four floats at a time: exponentials, sums, and products of small matrices. Addresses are of bytes.

const FLOAT: usize = 4;

/** Relative error below 2e-7; 0 below -87, held at 88. */
@inline
export function expOf(x: v128): v128 {
  const held = f32x4.pmax(f32x4.pmin(x, f32x4.splat(88)), f32x4.splat(-87));
  const k = f32x4.nearest(f32x4.mul(held, f32x4.splat(1.44269504)));
  // ln 2 in two parts, so that f is exact.
  const coarse = f32x4.sub(held, f32x4.mul(k, f32x4.splat(0.693359375)));
  const f = f32x4.add(coarse, f32x4.mul(k, f32x4.splat(2.1219444e-4)));
  let series = f32x4.add(f32x4.mul(f32x4.splat(1.98756915e-4), f), f32x4.splat(1.3981999507e-3));
  series = f32x4.add(f32x4.mul(series, f), f32x4.splat(8.3334519073e-3));
  series = f32x4.add(f32x4.mul(series, f), f32x4.splat(4.1665795894e-2));
  series = f32x4.add(f32x4.mul(series, f), f32x4.splat(1.6666665459e-1));
  series = f32x4.add(f32x4.mul(series, f), f32x4.splat(5.0000001201e-1));
  const value = f32x4.add(f32x4.add(f32x4.mul(f32x4.mul(series, f), f), f), f32x4.splat(1));
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(k), i32x4.splat(127)), 23);
  return v128.andnot(f32x4.mul(value, power), f32x4.lt(x, f32x4.splat(-87)));
}

/** Fewer than four floats, the rest `filling`. */
export function loadSome(at: usize, count: i32, filling: f32): v128 {
  let x = f32x4.splat(filling);
  x = f32x4.replace_lane(x, 0, load<f32>(at));
  if (count > 1) x = f32x4.replace_lane(x, 1, load<f32>(at, 4));
  if (count > 2) x = f32x4.replace_lane(x, 2, load<f32>(at, 8));
  return x;
}

export function storeSome(at: usize, count: i32, x: v128): void {
  store<f32>(at, f32x4.extract_lane(x, 0));
  if (count > 1) store<f32>(at, f32x4.extract_lane(x, 1), 4);
  if (count > 2) store<f32>(at, f32x4.extract_lane(x, 2), 8);
}

@inline
export function total(x: v128): f32 {
  return (
    f32x4.extract_lane(x, 0) +
    f32x4.extract_lane(x, 1) +
    (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3))
  );
}

@inline
export function largest(x: v128): f32 {
  return max(
    max(f32x4.extract_lane(x, 0), f32x4.extract_lane(x, 1)),
    max(f32x4.extract_lane(x, 2), f32x4.extract_lane(x, 3)),
  );
}

/** sum of a[c] b[c]. */
export function dot(a: usize, b: usize, count: i32): f32 {
  let sum = f32x4.splat(0);
  let c = 0;
  for (; c + 4 <= count; c += 4, a += 16, b += 16)
    sum = f32x4.add(sum, f32x4.mul(v128.load(a), v128.load(b)));
  let rest: f32 = 0;
  for (; c < count; c++, a += FLOAT, b += FLOAT) rest += load<f32>(a) * load<f32>(b);
  return total(sum) + rest;
}

/** to[c] += factor from[c]. */
export function addScaled(to: usize, from: usize, factor: f32, count: i32): void {
  const factors = f32x4.splat(factor);
  let c = 0;
  for (; c + 4 <= count; c += 4, to += 16, from += 16)
    v128.store(to, f32x4.add(v128.load(to), f32x4.mul(factors, v128.load(from))));
  for (; c < count; c++, to += FLOAT, from += FLOAT)
    store<f32>(to, load<f32>(to) + factor * load<f32>(from));
}

/**
 * c (m, n) = a (m, k) b (k, n), or added to it; n is a multiple of 4. Element (i, l) of a lies at a + i aRow + l aColumn, rows of b
 * and c follow each other at ldb and ldc.
 */
export function multiply(
  m: i32,
  n: i32,
  k: i32,
  a: usize,
  aRow: usize,
  aColumn: usize,
  b: usize,
  ldb: usize,
  c: usize,
  ldc: usize,
  add: bool,
): void {
  for (; m >= 4; m -= 4, a += 4 * aRow, c += 4 * ldc) {
    let j = 0;
    for (; j + 8 <= n; j += 8) tile8(k, a, aRow, aColumn, b + j * 4, ldb, c + j * 4, ldc, add);
    if (j < n) tile4(k, a, aRow, aColumn, b + j * 4, ldb, c + j * 4, ldc, add);
  }
  for (; m > 0; m--, a += aRow, c += ldc)
    for (let j = 0; j < n; j += 4) {
      let sum = add ? v128.load(c + j * 4) : f32x4.splat(0);
      let at = a;
      let row = b + j * 4;
      for (let l = 0; l < k; l++, at += aColumn, row += ldb)
        sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(at), v128.load(row)));
      v128.store(c + j * 4, sum);
    }
}

/** Four rows, 8 columns. */
function tile8(
  k: i32,
  a: usize,
  aRow: usize,
  aColumn: usize,
  b: usize,
  ldb: usize,
  c: usize,
  ldc: usize,
  add: bool,
): void {
  const a1 = a + aRow;
  const a2 = a1 + aRow;
  const a3 = a2 + aRow;
  const c1 = c + ldc;
  const c2 = c1 + ldc;
  const c3 = c2 + ldc;
  let s00 = f32x4.splat(0);
  let s01 = f32x4.splat(0);
  let s10 = f32x4.splat(0);
  let s11 = f32x4.splat(0);
  let s20 = f32x4.splat(0);
  let s21 = f32x4.splat(0);
  let s30 = f32x4.splat(0);
  let s31 = f32x4.splat(0);
  if (add) {
    s00 = v128.load(c);
    s01 = v128.load(c, 16);
    s10 = v128.load(c1);
    s11 = v128.load(c1, 16);
    s20 = v128.load(c2);
    s21 = v128.load(c2, 16);
    s30 = v128.load(c3);
    s31 = v128.load(c3, 16);
  }
  for (let l = 0, at: usize = 0; l < k; l++, at += aColumn, b += ldb) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const f0 = v128.load32_splat(a + at);
    s00 = f32x4.add(s00, f32x4.mul(f0, b0));
    s01 = f32x4.add(s01, f32x4.mul(f0, b1));
    const f1 = v128.load32_splat(a1 + at);
    s10 = f32x4.add(s10, f32x4.mul(f1, b0));
    s11 = f32x4.add(s11, f32x4.mul(f1, b1));
    const f2 = v128.load32_splat(a2 + at);
    s20 = f32x4.add(s20, f32x4.mul(f2, b0));
    s21 = f32x4.add(s21, f32x4.mul(f2, b1));
    const f3 = v128.load32_splat(a3 + at);
    s30 = f32x4.add(s30, f32x4.mul(f3, b0));
    s31 = f32x4.add(s31, f32x4.mul(f3, b1));
  }
  v128.store(c, s00);
  v128.store(c, s01, 16);
  v128.store(c1, s10);
  v128.store(c1, s11, 16);
  v128.store(c2, s20);
  v128.store(c2, s21, 16);
  v128.store(c3, s30);
  v128.store(c3, s31, 16);
}

/** Four rows, 4 columns. */
function tile4(
  k: i32,
  a: usize,
  aRow: usize,
  aColumn: usize,
  b: usize,
  ldb: usize,
  c: usize,
  ldc: usize,
  add: bool,
): void {
  const a1 = a + aRow;
  const a2 = a1 + aRow;
  const a3 = a2 + aRow;
  const c1 = c + ldc;
  const c2 = c1 + ldc;
  const c3 = c2 + ldc;
  let s0 = f32x4.splat(0);
  let s1 = f32x4.splat(0);
  let s2 = f32x4.splat(0);
  let s3 = f32x4.splat(0);
  if (add) {
    s0 = v128.load(c);
    s1 = v128.load(c1);
    s2 = v128.load(c2);
    s3 = v128.load(c3);
  }
  for (let l = 0, at: usize = 0; l < k; l++, at += aColumn, b += ldb) {
    const b0 = v128.load(b);
    const f0 = v128.load32_splat(a + at);
    s0 = f32x4.add(s0, f32x4.mul(f0, b0));
    const f1 = v128.load32_splat(a1 + at);
    s1 = f32x4.add(s1, f32x4.mul(f1, b0));
    const f2 = v128.load32_splat(a2 + at);
    s2 = f32x4.add(s2, f32x4.mul(f2, b0));
    const f3 = v128.load32_splat(a3 + at);
    s3 = f32x4.add(s3, f32x4.mul(f3, b0));
  }
  v128.store(c, s0);
  v128.store(c1, s1);
  v128.store(c2, s2);
  v128.store(c3, s3);
}

/** to (columns, rows) = from (rows, columns) turned, four by four, in squares of 16 that stay in the cache. */
export function transpose(from: usize, rows: i32, columns: i32, to: usize): void {
  const wide = (columns as usize) * FLOAT;
  const high = (rows as usize) * FLOAT;
  for (let top = 0; top < rows; top += 16) {
    const bottom = min(rows, top + 16);
    for (let c = 0; c < columns; c += 4)
      for (let r = top; r < bottom; r += 4) {
        const source = from + (r as usize) * wide + (c as usize) * FLOAT;
        const target = to + (c as usize) * high + (r as usize) * FLOAT;
        if (r + 4 <= rows && c + 4 <= columns) turnSquare(source, wide, target, high);
        else turnEdge(source, wide, target, high, min(4, rows - r), min(4, columns - c));
      }
  }
}

@inline
function turnSquare(source: usize, wide: usize, target: usize, high: usize): void {
  const a = v128.load(source);
  const b = v128.load(source + wide);
  const c = v128.load(source + 2 * wide);
  const d = v128.load(source + 3 * wide);
  const ab = i32x4.shuffle(a, b, 0, 4, 1, 5);
  const cd = i32x4.shuffle(c, d, 0, 4, 1, 5);
  const abHigh = i32x4.shuffle(a, b, 2, 6, 3, 7);
  const cdHigh = i32x4.shuffle(c, d, 2, 6, 3, 7);
  v128.store(target, i32x4.shuffle(ab, cd, 0, 1, 4, 5));
  v128.store(target + high, i32x4.shuffle(ab, cd, 2, 3, 6, 7));
  v128.store(target + 2 * high, i32x4.shuffle(abHigh, cdHigh, 0, 1, 4, 5));
  v128.store(target + 3 * high, i32x4.shuffle(abHigh, cdHigh, 2, 3, 6, 7));
}

function turnEdge(source: usize, wide: usize, target: usize, high: usize, rows: i32, columns: i32): void {
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++)
      store<f32>(
        target + (c as usize) * high + (r as usize) * FLOAT,
        load<f32>(source + (r as usize) * wide + (c as usize) * FLOAT),
      );
}
