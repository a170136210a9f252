/**
 * The exact theory of KL-regularised rewards on a finite set of responses:
 *   V_{alpha,w}(pi) = (1-alpha) E_pi R_w - alpha KL(pi || pi_ref),   beta = alpha / (1-alpha),
 *   pi* = pi_ref exp(R_w / beta) / Z,   V* = alpha log Z,   V* - V(pi) = alpha KL(pi || pi*).
 * Source: Wang et al., "Conditional Language Policy", EMNLP Findings 2024, section 2; the optimum is that of
 * Korbak et al., "RL with KL penalties is better viewed as Bayesian inference", 2022.
 *
 * Outcomes that are not listed are `invalid`: they share what the listed probabilities leave of 1, and earn 0.
 * Only their total mass is known, so their part of a KL is that of the two masses: a lower bound of the true
 * one (data processing), exact where the mass is 0.
 */
import type { ExactPoint } from '../../schemas/artifact.js';
import type { TradeOff } from '../policy/types.js';
import { weightedSum } from '../vector.js';
import { klDivergence, klTerm, logSumExp } from './log-space.js';
import type { ExactOptimum, FiniteProblem } from './types.js';

/** What a policy reaches on a problem. */
export interface ExactValue {
  /** (1-alpha) E R_w - alpha KL: exact, or an upper bound where `invalidMass` > 0. */
  readonly value: number;
  /** Expected reward an objective. */
  readonly rewards: readonly number[];
  /** KL to the reference in nats. */
  readonly kl: number;
  /** Probability of leaving the listed outcomes. */
  readonly invalidMass: number;
}

/** By how much listed probabilities in Float64 miss 1 through rounding alone. */
const exactRounding = 1e-12;

/** The same of log-probabilities that are sums of a network's Float32 ones. */
export const networkRounding = 1e-5;

/** beta = alpha / (1 - alpha): the temperature at which pi_ref is tilted. */
export function betaOf(alpha: number): number {
  return alpha / (1 - alpha);
}

/** R_w of every outcome: sum_i w_i R_i. */
export function scalarRewards(
  { rewards }: Pick<FiniteProblem, 'rewards'>,
  weights: readonly number[],
): Float64Array {
  const result = new Float64Array(rewards.length);
  rewards.forEach((row, i) => (result[i] = weightedSum(weights, row)));
  return result;
}

/** Probability that log-probabilities of the listed outcomes leave to invalid ones; 0 where rounding may have made it. */
export function invalidMass(logPolicy: Float64Array, rounding = exactRounding): number {
  const left = 1 - Math.exp(logSumExp(logPolicy));
  return left < rounding ? 0 : left;
}

/**
 * The invalid outcomes' part of KL(pi || pi_ref), from the two masses. A network excludes nothing: a mass of the
 * reference that rounding hides is anything below that rounding, which bounds the KL from below by a finite number.
 */
function invalidKl(mass: number, { logReference, rounding }: FiniteProblem): number {
  const reference = invalidMass(logReference, rounding);
  return klTerm(Math.log(mass), Math.log(Math.max(reference, rounding ?? 0)));
}

/** log pi_ref + R_w / beta of every listed outcome, and log Z with the invalid outcomes counted in. */
function tilt(problem: FiniteProblem, tradeOff: TradeOff): { tilted: Float64Array; logZ: number } {
  const beta = betaOf(tradeOff.alpha);
  const rewards = scalarRewards(problem, tradeOff.weights);
  const tilted = problem.logReference.map((logRef, i) => logRef + (rewards[i] ?? 0) / beta);
  const invalid = Math.log(invalidMass(problem.logReference, problem.rounding));
  return { tilted, logZ: logSumExp([logSumExp(tilted), invalid]) };
}

/** log pi* of every listed outcome; the invalid ones keep 1 minus their sum. */
export function optimalPolicy(problem: FiniteProblem, tradeOff: TradeOff): Float64Array {
  const { tilted, logZ } = tilt(problem, tradeOff);
  return tilted.map((x) => x - logZ);
}

/** V* with the rewards and the KL of pi*, and V of the reference (its KL is 0). */
export function optimum(problem: FiniteProblem, tradeOff: TradeOff): ExactOptimum {
  const { tilted, logZ } = tilt(problem, tradeOff);
  const best = evaluate(
    problem,
    tilted.map((x) => x - logZ),
    tradeOff,
  );
  return {
    value: tradeOff.alpha * logZ,
    referenceValue: evaluate(problem, problem.logReference, tradeOff).value,
    rewards: best.rewards,
    kl: best.kl,
  };
}

/** A response that the reference gives less is hardly ever sampled in training: what is best there is out of reach. */
const leastReach = 1e-3;

/** Expected reward an objective of the optimum among the outcomes in reach; 0 where there are none. */
function rewardsInReach(problem: FiniteProblem, tradeOff: TradeOff): number[] {
  const { tilted } = tilt(problem, tradeOff);
  const kept = tilted.map((x, i) => ((problem.logReference[i] ?? 0) < Math.log(leastReach) ? -Infinity : x));
  const logZ = logSumExp([logSumExp(kept), Math.log(invalidMass(problem.logReference, problem.rounding))]);
  return expectedRewards(problem, Number.isFinite(logZ) ? kept.map((x) => x - logZ) : kept);
}

/** V of any policy, given log pi of every listed outcome. */
export function evaluate(problem: FiniteProblem, logPolicy: Float64Array, tradeOff: TradeOff): ExactValue {
  const rewards = expectedRewards(problem, logPolicy);
  const mass = invalidMass(logPolicy, problem.rounding);
  const kl = klDivergence(logPolicy, problem.logReference) + invalidKl(mass, problem);
  const scalar = weightedSum(tradeOff.weights, rewards);
  return { value: (1 - tradeOff.alpha) * scalar - tradeOff.alpha * kl, rewards, kl, invalidMass: mass };
}

/** E_pi R_i, one number an objective. */
export function expectedRewards(problem: FiniteProblem, logPolicy: Float64Array): number[] {
  const sums = new Array<number>(problem.rewards[0]?.length ?? 0).fill(0);
  problem.rewards.forEach((row, outcome) => {
    const p = Math.exp(logPolicy[outcome] ?? -Infinity);
    for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] ?? 0) + p * (row[i] ?? 0);
  });
  return sums;
}

/** V* - V(pi) >= 0, and equal to alpha KL(pi || pi*). */
export function regret(problem: FiniteProblem, logPolicy: Float64Array, tradeOff: TradeOff): number {
  return optimum(problem, tradeOff).value - evaluate(problem, logPolicy, tradeOff).value;
}

/**
 * Mixing of whole responses: log pi is proportional to sum_i w_i log pi_i. On a bandit this is logit mixing,
 * and optimal for exact experts; where responses are built token by token see `mixTokens`.
 */
export function mixOutcomes(logPolicies: readonly Float64Array[], weights: readonly number[]): Float64Array {
  const length = logPolicies[0]?.length ?? 0;
  const mixed = Float64Array.from({ length }, (_, i) =>
    weightedSum(
      weights,
      logPolicies.map((policy) => policy[i] ?? -Infinity),
    ),
  );
  const total = logSumExp(mixed);
  return mixed.map((x) => x - total);
}

/** One prompt of an exact front: its problem and the policy's log-probability of each listed outcome. */
export interface EvaluatedPrompt {
  readonly problem: FiniteProblem;
  readonly logPolicy: Float64Array;
  /** How many prompts it stands for; 1 if absent. */
  readonly count?: number;
}

/** What the front of an exact world shows of one trade-off: means over the prompts. */
export function exactPoint(prompts: readonly EvaluatedPrompt[], tradeOff: TradeOff): ExactPoint {
  const values = prompts.map(({ problem, logPolicy }) => evaluate(problem, logPolicy, tradeOff));
  const optima = prompts.map(({ problem }) => optimum(problem, tradeOff));
  const counts = prompts.map(({ count = 1 }) => count);
  const mean = (numbers: readonly number[]): number => weightedMean(numbers, counts);
  const means = (rows: readonly (readonly number[])[]): number[] =>
    (rows[0] ?? []).map((_, i) => mean(rows.map((row) => row[i] ?? 0)));
  const value = mean(values.map((v) => v.value));
  const best = mean(optima.map((o) => o.value));
  return {
    value,
    optimum: best,
    reference: mean(optima.map((o) => o.referenceValue)),
    regret: best - value,
    rewards: means(values.map((v) => v.rewards)),
    optimumRewards: means(optima.map((o) => o.rewards)),
    rewardsInReach: means(prompts.map(({ problem }) => rewardsInReach(problem, tradeOff))),
    kl: mean(values.map((v) => v.kl)),
    invalidMass: mean(values.map((v) => v.invalidMass)),
  };
}

function weightedMean(values: readonly number[], counts: readonly number[]): number {
  return weightedSum(counts, values) / counts.reduce((a, b) => a + b, 0);
}
