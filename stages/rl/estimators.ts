/**
 * Policy-gradient estimators of V_{alpha,w}(pi) = (1-alpha) E R_w - alpha KL(pi || pi_ref), in plain numbers.
 *
 * A group is K responses to one prompt at one trade-off. An estimator turns it into one coefficient c_jt a
 * response token and one weight e of the exact per-token KL; the direction of ascent is
 *   (1/K) sum_j sum_t [ c_jt grad log pi(y_jt | s_jt) + e grad KL(pi(.|s_jt) || pi_ref(.|s_jt)) ],
 * so a trainer minimises -(1/K) sum_jt [ c_jt log pi(y_jt) + e KL_jt ] with c and e held constant.
 *
 * Sources: Ahmadian et al., "Back to Basics: Revisiting REINFORCE-Style Optimization for Learning from Human
 * Feedback in LLMs", 2024 (RLOO); Schulman, "Approximating KL Divergence", 2020 (k1, k2, k3); Tang and Munos,
 * "On a few pitfalls in KL divergence gradient estimation for RL", 2025 (which of them give its gradient).
 */
import { unreachable } from '../../schemas/result.js';

/** How the KL enters; those that do not give the gradient of V in expectation are named so. */
export const klEstimators = [
  'k1-in-reward',
  'k2-of-sequence-in-loss',
  'exact-per-token-with-return',
  'biased-k2-in-reward',
  'biased-k3-in-reward',
  'biased-k1-in-loss',
  'biased-k2-per-token-in-loss',
  'biased-k3-per-token-in-loss',
  'biased-exact-per-token-in-loss',
] as const;
export type KlEstimator = (typeof klEstimators)[number];

/** True where the expected estimate is the gradient of V; a result of a biased one backs no claim. */
export function isUnbiased(estimator: KlEstimator): boolean {
  return !estimator.startsWith('biased-');
}

/** One sampled response; the arrays hold one number a response token, end-of-sequence included. */
export interface SampledResponse {
  /** R_w of the whole response; null where a reward does not apply. */
  readonly reward: number | null;
  /** log pi(y_t | s_t) of the policy that drew it. */
  readonly logPolicy: ArrayLike<number>;
  readonly logReference: ArrayLike<number>;
  /** KL(pi(.|s_t) || pi_ref(.|s_t)); needed by the `exact` estimators only. */
  readonly exactKl?: ArrayLike<number>;
}

export interface GroupCoefficients {
  /** c_jt: one array a response, one number a token; all 0 for an excluded response. */
  readonly score: readonly Float64Array[];
  /** e: weight of the differentiable exact KL of each token (0 or -alpha). */
  readonly exactKl: number;
  /** Which responses count; K is their number. */
  readonly included: readonly boolean[];
}

/**
 * Leave-one-out advantages A_j = r_j - mean_{k != j} r_k of the returns of one group. The baseline is
 * independent of the response that it is subtracted from, so the expected gradient is unchanged; nothing is
 * divided by the group's deviation, which would rescale V differently for every trade-off.
 * @param returns K >= 2 numbers of one (x, alpha, w)
 */
export function leaveOneOut(returns: ArrayLike<number>): Float64Array {
  const total = sum(returns);
  const others = returns.length - 1;
  return Float64Array.from(returns, (r) => r - (total - r) / others);
}

/** The return whose expectation is V: (1-alpha) R_w - alpha (log pi(y) - log pi_ref(y)). */
export function klRegularisedReturn(response: SampledResponse, alpha: number): number {
  return (1 - alpha) * (response.reward ?? 0) - alpha * sum(logRatios(response));
}

/**
 * The coefficients of one group. Responses with a null reward are left out; with fewer than two others there
 * is no baseline and the whole group is left out. Weights are never rescaled to make up for it.
 */
export function groupCoefficients(
  group: readonly SampledResponse[],
  alpha: number,
  estimator: KlEstimator,
): GroupCoefficients {
  const scored = group.map((response) => response.reward !== null);
  const enough = scored.filter(Boolean).length >= 2;
  const included = scored.map((isScored) => isScored && enough);
  const counted = group.filter((_, j) => included[j]);
  const advantages = leaveOneOut(counted.map((response) => returnOf(response, alpha, estimator)));
  let next = 0;
  const score = group.map((response, j) =>
    included[j]
      ? tokenScores(response, advantages[next++] ?? 0, { alpha, estimator })
      : new Float64Array(response.logPolicy.length),
  );
  return { score, exactKl: estimator.includes('exact') ? -alpha : 0, included };
}

/** What is compared within the group: the reward alone where the KL stands in the loss. */
function returnOf(response: SampledResponse, alpha: number, estimator: KlEstimator): number {
  const reward = (1 - alpha) * (response.reward ?? 0);
  switch (estimator) {
    case 'k1-in-reward':
      return klRegularisedReturn(response, alpha);
    case 'biased-k2-in-reward':
      return reward - alpha * 0.5 * sum(logRatios(response)) ** 2;
    case 'biased-k3-in-reward':
      return reward - alpha * k3(sum(logRatios(response)));
    case 'k2-of-sequence-in-loss':
    case 'exact-per-token-with-return':
    case 'biased-k1-in-loss':
    case 'biased-k2-per-token-in-loss':
    case 'biased-k3-per-token-in-loss':
    case 'biased-exact-per-token-in-loss':
      return reward;
    default:
      return unreachable(estimator);
  }
}

/** Advantage plus what a KL in the loss adds to the coefficient of each token's grad log pi. */
function tokenScores(
  response: SampledResponse,
  advantage: number,
  options: { readonly alpha: number; readonly estimator: KlEstimator },
): Float64Array {
  const kl = lossKlScores(response, options.estimator);
  return kl.map((term) => advantage - options.alpha * term);
}

/** Derivative of the loss's KL term by each token's log pi(y_t), or the KL still to come (`with-return`). */
function lossKlScores(response: SampledResponse, estimator: KlEstimator): Float64Array {
  const ratios = logRatios(response);
  switch (estimator) {
    case 'k1-in-reward':
    case 'biased-k2-in-reward':
    case 'biased-k3-in-reward':
    case 'biased-exact-per-token-in-loss':
      return new Float64Array(ratios.length);
    case 'k2-of-sequence-in-loss': // grad of (sum_t ratio_t)^2 / 2
      return ratios.map(() => sum(ratios));
    case 'biased-k1-in-loss':
      return ratios.map(() => 1);
    case 'biased-k2-per-token-in-loss':
      return ratios;
    case 'biased-k3-per-token-in-loss': // grad of exp(-ratio) - 1 + ratio
      return ratios.map((ratio) => 1 - Math.exp(-ratio));
    case 'exact-per-token-with-return':
      return laterKl(response);
    default:
      return unreachable(estimator);
  }
}

/** sum_{u > t} KL_u: what token t's choice leads to. */
function laterKl(response: SampledResponse): Float64Array {
  const { exactKl } = response;
  if (!exactKl) throw new Error('internal error: an exact estimator got no exact KL; please report it');
  const later = new Float64Array(exactKl.length);
  for (let t = later.length - 2; t >= 0; t--) later[t] = (later[t + 1] ?? 0) + (exactKl[t + 1] ?? 0);
  return later;
}

function logRatios(response: SampledResponse): Float64Array {
  return Float64Array.from(response.logPolicy, (log, t) => log - (response.logReference[t] ?? 0));
}

function k3(ratio: number): number {
  return Math.exp(-ratio) - 1 + ratio;
}

function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i] ?? 0;
  return total;
}
