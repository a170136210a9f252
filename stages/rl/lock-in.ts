/**
 * Lock-in: early in training the answer that is best for the average trade-off takes all probability, the others'
 * gradient vanishes, and an end of the weights never comes back. Regret and span at the corners show it.
 */
import { fixed } from '../statistics/fixed.js';
import type { ExactPoint } from '../../schemas/artifact.js';
import type { SteerablePolicy, TradeOff } from '../policy/types.js';
import { exactAt, type ListedPrompt } from './exact-evaluation.js';
import { oneHot } from '../vector.js';
import { mean, type Figures } from './figures.js';

/** Below this share of the optimum's span an objective counts as locked in. */
export const lockedIn = 0.75;

/** A span of the optimum below this is too small to compare with. */
const leastSpan = 0.05;

/**
 * Figures of a policy in training in an exact world: `eval/regret`, mean and maximum over the corners and the middle,
 * and relative to the optimum's span `eval/span/<objective>`, with `eval/reach/<objective>`, that of the optimum among
 * what the reference writes. A policy for one trade-off has its regret alone.
 */
export async function steeringFigures(
  policy: SteerablePolicy,
  prompts: readonly ListedPrompt[],
): Promise<Figures> {
  const { domain, objectives } = policy;
  const alpha = typeof domain.alpha === 'number' ? domain.alpha : domain.alpha[0];
  const m = objectives.length;
  const corners = objectives.map((_, k) => oneHot(k, m));
  const middle = objectives.map(() => 1 / m);
  const asked = typeof domain.weights === 'string' ? [...corners, middle] : domain.weights;
  const points: ExactPoint[] = [];
  for (const weights of asked) points.push(await ask(policy, prompts, { alpha, weights }));
  const regrets = points.map(({ regret }) => regret);
  return {
    'eval/regret/mean': mean(regrets),
    'eval/regret/max': Math.max(...regrets),
    'eval/invalid_mass': mean(points.map(({ invalidMass }) => invalidMass)),
    ...(typeof domain.weights === 'string' && m > 1 ? spans(objectives, points.slice(0, m)) : {}),
  };
}

async function ask(
  policy: SteerablePolicy,
  prompts: readonly ListedPrompt[],
  tradeOff: TradeOff,
): Promise<ExactPoint> {
  const model = await policy.at(tradeOff);
  const point = exactAt(model, prompts, tradeOff);
  model.dispose();
  return point;
}

/** r_k(e_k) - the mean of r_k(e_j), j other than k, over the same of the optimum; left out where that is small. */
function spans(objectives: readonly string[], corners: readonly ExactPoint[]): Figures {
  const span = (k: number, rewards: (point: ExactPoint) => readonly number[]): number => {
    const values = corners.map((point) => rewards(point)[k] ?? 0);
    const others = values.filter((_, j) => j !== k);
    return (values[k] ?? 0) - others.reduce((a, b) => a + b, 0) / others.length;
  };
  return Object.fromEntries(
    objectives.flatMap((name, k) => {
      const best = span(k, (point) => point.optimumRewards);
      if (best < leastSpan) return [];
      const inReach = span(k, (point) => point.rewardsInReach ?? point.optimumRewards);
      return [
        [`eval/span/${name}`, span(k, (point) => point.rewards) / best],
        [`eval/reach/${name}`, inReach / best],
      ];
    }),
  );
}

/**
 * Says which objectives are locked in, and which are low because the reference hardly writes what their corner asks
 * for; undefined where all are steered.
 */
export function lockInWarning(figures: Figures): string | undefined {
  const low = Object.entries(figures).flatMap(([name, span]) => {
    const objective = /^eval\/span\/(.*)$/.exec(name)?.[1];
    return objective === undefined || span >= lockedIn ? [] : [{ objective, span }];
  });
  const reachOf = (objective: string): number => figures[`eval/reach/${objective}`] ?? 1;
  const locked = low.filter(({ objective, span }) => span < lockedIn * reachOf(objective));
  const lacking = low.filter((one) => !locked.includes(one));
  const list = (items: typeof low): string =>
    items.map(({ objective, span }) => `${objective} ${fixed(span, 2)}`).join(', ');
  const texts = [
    ...(locked.length === 0
      ? []
      : [
          `lock-in: the span of ${list(locked)} of the optimum's is below ${lockedIn}; try alpha_schedule ` +
            '{from: 0.2, share: 0.33}, sampling.corners 0.3, more samples a prompt, or a lower learning rate',
        ]),
    ...(lacking.length === 0
      ? []
      : [
          `the span of ${list(lacking)} of the optimum's is below ${lockedIn}, and goes as far as the reference ` +
            'writes: it lacks something that the optimum needs; train the reference longer, or wider',
        ]),
  ];
  return texts.length === 0 ? undefined : texts.join('\n');
}
