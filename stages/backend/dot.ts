/** Inner loops of vectors inside arrays of floats. */

/** sum_c a[i + c] b[j + c]. Four sums at once: one alone waits for each addition before the next. */
export function dot(a: Float32Array, i: number, b: Float32Array, j: number, n: number): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let c = 0;
  for (; c + 3 < n; c += 4) {
    s0 += (a[i + c] ?? 0) * (b[j + c] ?? 0);
    s1 += (a[i + c + 1] ?? 0) * (b[j + c + 1] ?? 0);
    s2 += (a[i + c + 2] ?? 0) * (b[j + c + 2] ?? 0);
    s3 += (a[i + c + 3] ?? 0) * (b[j + c + 3] ?? 0);
  }
  for (; c < n; c++) s0 += (a[i + c] ?? 0) * (b[j + c] ?? 0);
  return s0 + s1 + (s2 + s3);
}

/** to[i + c] += factor from[j + c]. */
export function addScaled(
  to: Float32Array,
  i: number,
  from: Float32Array,
  j: number,
  factor: number,
  n: number,
): void {
  for (let c = 0; c < n; c++) to[i + c] = (to[i + c] ?? 0) + factor * (from[j + c] ?? 0);
}
