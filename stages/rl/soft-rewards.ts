import { byCodeUnit } from '../../schemas/json.js';

/** A name, a list of names, or a map of weights. */
export type SoftRewards = string | string[] | Record<string, number>;

/**
 * Names and weights of the one trade-off that an expert is trained for. A map of weights has no order of its own
 * (its key is that of any other order), so its names are sorted; a list keeps the order that was written.
 */
export function softRewards(rewards: SoftRewards): { names: string[]; weights: number[] } {
  if (typeof rewards === 'string') return { names: [rewards], weights: [1] };
  if (Array.isArray(rewards)) return { names: rewards, weights: rewards.map(() => 1 / rewards.length) };
  const sorted = Object.entries(rewards).sort(([a], [b]) => byCodeUnit(a, b));
  return { names: sorted.map(([name]) => name), weights: sorted.map(([, weight]) => weight) };
}
