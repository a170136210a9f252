// What a softmax is made of.
import { expOf, largest, loadSome, storeSome, total } from './vectors';

export function largestOf(x: usize, count: i32): f32 {
  let top = f32x4.splat(-Infinity);
  for (; count >= 4; count -= 4, x += 16) top = f32x4.max(top, v128.load(x));
  if (count > 0) top = f32x4.max(top, loadSome(x, count, -Infinity));
  return largest(top);
}

/** x = exp(x - top); their sum. */
export function expAll(x: usize, count: i32, top: v128): f32 {
  let sum = f32x4.splat(0);
  for (; count >= 4; count -= 4, x += 16) {
    const e = expOf(f32x4.sub(v128.load(x), top));
    v128.store(x, e);
    sum = f32x4.add(sum, e);
  }
  if (count > 0) {
    const e = expOf(f32x4.sub(loadSome(x, count, -Infinity), top));
    storeSome(x, count, e);
    sum = f32x4.add(sum, e);
  }
  return total(sum);
}
