// Arithmetic over whole parameters.
import { addScaled, total } from './vectors';

/** y = factor x. */
export function scaled(x: usize, y: usize, factor: f32, count: i32): void {
  const factors = f32x4.splat(factor);
  for (; count >= 4; count -= 4, x += 16, y += 16) v128.store(y, f32x4.mul(factors, v128.load(x)));
  for (; count > 0; count--, x += 4, y += 4) store<f32>(y, factor * load<f32>(x));
}

/** y += factor x. */
export function plusScaled(x: usize, y: usize, factor: f32, count: i32): void {
  addScaled(y, x, factor, count);
}

/** Sum of the squares, in double precision. */
export function squares(x: usize, count: i32): f64 {
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  for (; count >= 4; count -= 4, x += 16) {
    const four = v128.load(x);
    const a = f64x2.promote_low_f32x4(four);
    const b = f64x2.promote_low_f32x4(i32x4.shuffle(four, four, 2, 3, 0, 1));
    low = f64x2.add(low, f64x2.mul(a, a));
    high = f64x2.add(high, f64x2.mul(b, b));
  }
  const both = f64x2.add(low, high);
  let sum = f64x2.extract_lane(both, 0) + f64x2.extract_lane(both, 1);
  for (; count > 0; count--, x += 4) {
    const one = load<f32>(x) as f64;
    sum += one * one;
  }
  return sum;
}

/** One AdamW update by `factor` times the gradient; `rest` is 1 - beta, `rate` and `correction` correct both means. */
export function adam(
  p: usize,
  g: usize,
  m: usize,
  v: usize,
  next: usize,
  one: usize,
  two: usize,
  count: i32,
  kept: f32,
  factor: f32,
  beta1: f32,
  rest1: f32,
  beta2: f32,
  rest2: f32,
  rate: f32,
  correction: f32,
  epsilon: f32,
): void {
  for (; count >= 4; count -= 4, p += 16, g += 16, m += 16, v += 16, next += 16, one += 16, two += 16) {
    const gradient = f32x4.mul(f32x4.splat(factor), v128.load(g));
    const first = f32x4.add(
      f32x4.mul(f32x4.splat(beta1), v128.load(m)),
      f32x4.mul(f32x4.splat(rest1), gradient),
    );
    const second = f32x4.add(
      f32x4.mul(f32x4.splat(beta2), v128.load(v)),
      f32x4.mul(f32x4.mul(f32x4.splat(rest2), gradient), gradient),
    );
    v128.store(one, first);
    v128.store(two, second);
    const root = f32x4.add(
      f32x4.sqrt(f32x4.mul(second, f32x4.splat(correction))),
      f32x4.splat(epsilon),
    );
    const moved = f32x4.div(f32x4.mul(f32x4.splat(rate), first), root);
    v128.store(next, f32x4.sub(f32x4.mul(f32x4.splat(kept), v128.load(p)), moved));
  }
  for (; count > 0; count--, p += 4, g += 4, m += 4, v += 4, next += 4, one += 4, two += 4) {
    const gradient = factor * load<f32>(g);
    const first = beta1 * load<f32>(m) + rest1 * gradient;
    const second = beta2 * load<f32>(v) + rest2 * gradient * gradient;
    store<f32>(one, first);
    store<f32>(two, second);
    store<f32>(next, kept * load<f32>(p) - (rate * first) / (sqrt<f32>(second * correction) + epsilon));
  }
}
