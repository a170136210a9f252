/** exp in single precision (relative error below 3e-9), about three times as fast as Math.exp. */
const OFFSET = 200;
const powers = Float64Array.from({ length: 2 * OFFSET }, (_, i) => 2 ** (i - OFFSET));

/** exp(x) = 2^k 2^f, 2^f by the polynomial through seven Chebyshev nodes of [0, 1]; 0 below -87, held at 88. */
export function exp(x: number): number {
  if (x < -87) return 0;
  const t = (x > 88 ? 88 : x) * Math.LOG2E;
  const k = Math.floor(t);
  const f = t - k;
  const upper = 0.009684186309891474 + f * (0.0012391331838136385 + f * 0.0002186578477476489);
  const lower = 0.6931469327588747 + f * (0.24023045441223412 + f * (0.05548063019696574 + f * upper));
  return (1.0000000025307452 + f * lower) * (powers[k + OFFSET] ?? NaN);
}
