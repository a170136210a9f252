/**
 * Lock-in: early in training the answer that is best for the average trade-off takes all probability, the others'
 * gradient vanishes, and an end of the weights never comes back. Regret and span at the corners show it.
 */
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
 * and `eval/span/<objective>` relative to the optimum's span. A policy for one trade-off has its regret alone.
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
      return best < leastSpan ? [] : [[`eval/span/${name}`, span(k, (point) => point.rewards) / best]];
    }),
  );
}

/** Says which objectives are locked in; undefined where none is. */
export function lockInWarning(figures: Figures): string | undefined {
  const locked = Object.entries(figures)
    .filter(([name, value]) => name.startsWith('eval/span/') && value < lockedIn)
    .map(([name, value]) => `${name.slice('eval/span/'.length)} ${value.toFixed(2)}`);
  if (locked.length === 0) return undefined;
  return (
    `lock-in: the span of ${locked.join(', ')} of the optimum's is below ${lockedIn}; try alpha_schedule ` +
    '{from: 0.2, share: 0.33}, sampling.corners 0.3, more samples a prompt, or a lower learning rate'
  );
}
