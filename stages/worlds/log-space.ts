/** Sums of exponentials that neither overflow nor lose the small terms. */

/** log sum_i exp(x_i); -Infinity for nothing, or for nothing but -Infinity. */
export function logSumExp(values: ArrayLike<number>): number {
  let max = -Infinity;
  for (let i = 0; i < values.length; i++) max = Math.max(max, values[i] ?? -Infinity);
  if (max === -Infinity) return -Infinity;
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += Math.exp((values[i] ?? -Infinity) - max);
  return max + Math.log(sum);
}

/** x - logSumExp(x): log-probabilities of a softmax over unnormalised logits. */
export function logSoftmax(logits: ArrayLike<number>): Float64Array {
  const total = logSumExp(logits);
  const result = new Float64Array(logits.length);
  for (let i = 0; i < result.length; i++) result[i] = (logits[i] ?? -Infinity) - total;
  return result;
}

/** p (log p - log q) with its limit 0 at p = 0; `logP` and `logQ` are logarithms. */
export function klTerm(logP: number, logQ: number): number {
  return logP === -Infinity ? 0 : Math.exp(logP) * (logP - logQ);
}

/** KL(p || q) of two distributions given by their log-probabilities, in nats. */
export function klDivergence(logP: ArrayLike<number>, logQ: ArrayLike<number>): number {
  let kl = 0;
  for (let i = 0; i < logP.length; i++) kl += klTerm(logP[i] ?? -Infinity, logQ[i] ?? -Infinity);
  return kl;
}
