// The activation that decoders of the GPT-2 family have, gelu in its tanh form, and its gradient.
import { expOf, loadSome, storeSome } from './vectors';

const ROOT: f32 = 0.7978845608; // sqrt(2 / pi)
const CUBIC: f32 = 0.044715;

@inline
function sigma(x: v128): v128 {
  const cube = f32x4.mul(f32x4.mul(x, x), x);
  const inner = f32x4.add(x, f32x4.mul(f32x4.splat(CUBIC), cube));
  const e = expOf(f32x4.mul(f32x4.splat(-2 * ROOT), inner));
  return f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), e));
}

@inline
function slope(x: v128): v128 {
  const s = sigma(x);
  const inner = f32x4.add(f32x4.splat(1), f32x4.mul(f32x4.splat(3 * CUBIC), f32x4.mul(x, x)));
  const rest = f32x4.mul(f32x4.mul(x, f32x4.sub(f32x4.splat(1), s)), f32x4.mul(f32x4.splat(2 * ROOT), inner));
  return f32x4.mul(s, f32x4.add(f32x4.splat(1), rest));
}

/** y = x sigma(2u), u = sqrt(2/pi) (x + 0.044715 x^3); y may be x. */
export function gelu(x: usize, y: usize, count: i32): void {
  for (; count >= 4; count -= 4, x += 16, y += 16) {
    const v = v128.load(x);
    v128.store(y, f32x4.mul(v, sigma(v)));
  }
  if (count > 0) {
    const v = loadSome(x, count, 0);
    storeSome(y, count, f32x4.mul(v, sigma(v)));
  }
}

export function geluGradient(x: usize, dy: usize, dx: usize, count: i32): void {
  for (; count >= 4; count -= 4, x += 16, dy += 16, dx += 16)
    v128.store(dx, f32x4.mul(v128.load(dy), slope(v128.load(x))));
  if (count > 0) storeSome(dx, count, f32x4.mul(loadSome(dy, count, 0), slope(loadSome(x, count, 0))));
}
