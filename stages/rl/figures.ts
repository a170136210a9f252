/** What is logged of a step, under the names that trainers of the field use. */
import { StageFailure } from '../../runner/contract.js';
import type { TradeOff } from '../policy/types.js';
import { weightedSum } from '../vector.js';
import type { Episode } from './episode.js';
import type { Response } from './rollout.js';

export type Figures = Readonly<Record<string, number>>;

/**
 * Means over the episodes of a step, of the responses to which the rewards apply. A step that has none has no figures of
 * responses: a 0 would pull down the mean over steps.
 */
export function figuresOf(episodes: readonly Episode[], objectives: readonly string[]): Figures {
  const responses = episodes.flatMap(({ rollout }) => rollout.responses.flat());
  const scored = responses.filter(({ rewards }) => rewards !== null);
  const returns = episodes.map(returnsOf);
  const perObjective = objectives.map((name, i) => {
    const values = scored.flatMap(({ rewards }) => rewards?.[i] ?? []);
    return [
      [`rewards/${name}/mean`, mean(values)],
      [`rewards/${name}/std`, deviation(values)],
    ] as const;
  });
  const scalar = returns.flatMap(({ rewards }) => rewards.flat());
  const always = {
    loss: mean(episodes.map((episode) => episode.figures.loss)),
    grad_norm: mean(episodes.map(({ gradNorm }) => gradNorm)),
    'rewards/excluded': responses.length - scored.length,
  };
  if (scored.length === 0) return always;
  return {
    ...always,
    reward: mean(scalar),
    reward_std: deviation(scalar),
    ...Object.fromEntries(perObjective.flat()),
    'objective/kl': mean(returns.flatMap(({ kl }) => kl)),
    'objective/entropy': mean(
      episodes.flatMap(({ figures }, i) => (returns[i]?.rewards.length ? [figures.entropy] : [])),
    ),
    'objective/rlhf_reward': mean(returns.flatMap(({ regularised }) => regularised)),
    'completions/mean_length': mean(scored.map(({ tokens }) => tokens.length)),
    'completions/clipped_ratio': mean(scored.map(({ clipped }) => Number(clipped))),
    frac_reward_zero_std: mean(
      // By comparison: the deviation of equal numbers is not 0 where their mean is rounded.
      returns.flatMap(({ rewards }) => rewards.map((group) => (group.every((r) => r === group[0]) ? 1 : 0))),
    ),
  };
}

interface Returns {
  /** R_w of the responses to each prompt that has any. */
  readonly rewards: readonly (readonly number[])[];
  readonly kl: readonly number[];
  /** (1-alpha) R_w - alpha (log pi - log pi_ref). */
  readonly regularised: readonly number[];
}

function returnsOf({ tradeOff, rollout, figures }: Episode): Returns {
  const { alpha } = tradeOff;
  const groups = rollout.responses.map((group, i) =>
    group.flatMap((response, j) => {
      const reward = scalarReward(response, tradeOff);
      return reward === null ? [] : [{ reward, kl: figures.logRatios[i]?.[j] ?? 0 }];
    }),
  );
  const scored = groups.filter((group) => group.length > 0);
  return {
    rewards: scored.map((group) => group.map(({ reward }) => reward)),
    kl: scored.flat().map(({ kl }) => kl),
    regularised: scored.flat().map(({ reward, kl }) => (1 - alpha) * reward - alpha * kl),
  };
}

/** R_w of a response; null where a reward does not apply. */
export function scalarReward({ rewards }: Response, { weights }: TradeOff): number | null {
  return rewards && weightedSum(weights, rewards);
}

export function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

/** 0 of nothing: a figure that is logged must be a number. */
export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : sum(values) / values.length;
}

function deviation(values: readonly number[]): number {
  const centre = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - centre) ** 2)));
}

/** A StageFailure where a figure of a step is no number: nothing that comes after it would be one. */
export function refuseDivergence(figures: Figures, step: number): void {
  const wrong = Object.entries(figures).find(([, value]) => !Number.isFinite(value));
  if (!wrong) return;
  throw new StageFailure(
    'user',
    'training-diverged',
    `training diverged: ${wrong[0]} is ${wrong[1]} after step ${step + 1}; lower learning_rate or max_grad_norm`,
  );
}

/** Figure by figure, the mean over those of several steps that have it. */
export function averageFigures(steps: readonly Figures[]): Figures {
  const names = [...new Set(steps.flatMap((figures) => Object.keys(figures)))];
  return Object.fromEntries(
    names.map((name) => [name, mean(steps.flatMap((figures) => figures[name] ?? []))]),
  );
}
