/**
 * Rewards that a small machine can add up: a response y_1 ... y_T moves a state q, and earns
 *   sum_t r(q_t, y_t) + R(q_(T+1)),
 * each an array of one number an objective. The optimum is exact for any length by dynamic programming over
 * (t, state), since pi_ref looks at the state only.
 */
import type { TradeOff } from '../policy/types.js';
import { betaOf } from './finite.js';
import { weightedSum } from '../vector.js';
import { logSoftmax, logSumExp } from './log-space.js';
import type { ExactOptimum } from './types.js';

export interface FiniteStateWorld {
  readonly states: number;
  readonly tokens: number;
  /** T: tokens of a response. */
  readonly length: number;
  readonly start: number;
  /** State after a token. */
  next(state: number, token: number): number;
  /** Reward vector of a token in a state. */
  reward(state: number, token: number): readonly number[];
  /** Reward vector of the state that the response ends in. */
  final(state: number): readonly number[];
  /** Log-probabilities of the reference over the tokens, in a state. */
  reference(state: number): ArrayLike<number>;
}

/** log pi(token | t, state) for every step and state: policy[t][state][token]. */
export type StatePolicy = readonly (readonly Float64Array[])[];

/** pi*: at each step log pi_ref + (r_w + v(t+1, next)) / beta, normalised. */
export function finiteStateOptimum(
  world: FiniteStateWorld,
  tradeOff: TradeOff,
): { readonly policy: StatePolicy; readonly optimum: ExactOptimum } {
  const beta = betaOf(tradeOff.alpha);
  const policy: Float64Array[][] = [];
  let later = states(world).map((state) => weightedSum(tradeOff.weights, world.final(state)));
  for (let t = world.length - 1; t >= 0; t--) {
    const tilted = tiltedStep(world, tradeOff, later);
    policy.unshift(tilted.map((logits) => logSoftmax(logits)));
    later = tilted.map((logits) => beta * logSumExp(logits));
  }
  const { rewards, kl } = finiteStateValue(world, policy, tradeOff);
  const value = (1 - tradeOff.alpha) * (later[world.start] ?? 0);
  const referenceValue = finiteStateValue(world, referencePolicy(world), tradeOff).value;
  return { policy, optimum: { value, referenceValue, rewards, kl } };
}

/** The reference as a policy over (t, state). */
export function referencePolicy(world: FiniteStateWorld): StatePolicy {
  const step = states(world).map((state) => logSoftmax(world.reference(state)));
  return Array.from({ length: world.length }, () => step);
}

/** log pi_ref + (r_w + v(next)) / beta of every state and token, given v of the step after. */
function tiltedStep(world: FiniteStateWorld, tradeOff: TradeOff, later: readonly number[]): Float64Array[] {
  const beta = betaOf(tradeOff.alpha);
  return states(world).map((state) =>
    logSoftmax(world.reference(state)).map((log, token) => {
      const now = weightedSum(tradeOff.weights, world.reward(state, token));
      return log + (now + (later[world.next(state, token)] ?? 0)) / beta;
    }),
  );
}

/** V of any policy over (t, state), by following the distribution of states forward. */
export function finiteStateValue(
  world: FiniteStateWorld,
  policy: StatePolicy,
  tradeOff: TradeOff,
): { readonly value: number; readonly rewards: readonly number[]; readonly kl: number } {
  const sums = { rewards: new Array<number>(tradeOff.weights.length).fill(0), kl: 0 };
  let mass = states(world).map((state): number => (state === world.start ? 1 : 0));
  for (const step of policy) mass = follow(world, step, { mass, sums });
  mass.forEach((p, state) => p > 0 && add(sums.rewards, world.final(state), p));
  const scalar = weightedSum(tradeOff.weights, sums.rewards);
  return { value: (1 - tradeOff.alpha) * scalar - tradeOff.alpha * sums.kl, ...sums };
}

/** One step: adds its rewards and KL to the sums, and gives the probability of each state after it. */
function follow(
  world: FiniteStateWorld,
  step: readonly Float64Array[],
  at: { readonly mass: readonly number[]; readonly sums: { rewards: number[]; kl: number } },
): number[] {
  const after = new Array<number>(world.states).fill(0);
  at.mass.forEach((here, state) => {
    if (here === 0) return;
    const reference = logSoftmax(world.reference(state));
    step[state]?.forEach((log, token) => {
      const p = here * Math.exp(log);
      if (p === 0) return;
      at.sums.kl += p * (log - (reference[token] ?? 0));
      add(at.sums.rewards, world.reward(state, token), p);
      const to = world.next(state, token);
      after[to] = (after[to] ?? 0) + p;
    });
  });
  return after;
}

function states(world: FiniteStateWorld): number[] {
  return Array.from({ length: world.states }, (_, state) => state);
}

function add(sums: number[], rewards: readonly number[], p: number): void {
  rewards.forEach((reward, i) => (sums[i] = (sums[i] ?? 0) + p * reward));
}
