/**
 * Lock-in: early in training the answer that is best for the average trade-off takes all probability, the others'
 * gradient vanishes, and an end of the weights never comes back. Regret and span at the corners show it.
 */
import { lowSpan, lowSpanAdvice, spansText } from '../statistics/low-span.js';
import { span, type SteeredPoint } from '../statistics/steering.js';
import type { ExactPoint } from '../../schemas/artifact.js';
import type { SteerablePolicy, TradeOff } from '../policy/types.js';
import { exactAt, type ListedPrompt } from './exact-evaluation.js';
import { oneHot } from '../vector.js';
import { mean, type Figures } from './figures.js';

/**
 * Figures of a policy on some of its training prompts in an exact world: `train/regret`, mean and maximum over the corners and the middle,
 * and the spans of the report: `train/span/<objective>` relative to the optimum, `train/span_in_reach/<objective>`
 * relative to the optimum among what the reference writes. A policy for one trade-off has its regret alone.
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
    'train/regret/mean': mean(regrets),
    'train/regret/max': Math.max(...regrets),
    'train/invalid_mass': mean(points.map(({ invalidMass }) => invalidMass)),
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

/** Left out where what they are relative to hardly moves. */
function spans(objectives: readonly string[], corners: readonly ExactPoint[]): Figures {
  const front = (rewards: (point: ExactPoint) => readonly number[]): SteeredPoint[] =>
    corners.map((point, k) => ({ weights: oneHot(k, corners.length), rewards: rewards(point) }));
  const reached = front(({ rewards }) => rewards);
  const best = front(({ optimumRewards }) => optimumRewards);
  const inReach = front((point) => point.rewardsInReach ?? point.optimumRewards);
  return Object.fromEntries(
    objectives.flatMap((name, k) => [
      ...figure(`train/span/${name}`, span(reached, best, k)),
      ...figure(`train/span_in_reach/${name}`, span(reached, inReach, k)),
    ]),
  );
}

const figure = (name: string, value: number | null): readonly (readonly [string, number])[] =>
  value === null ? [] : [[name, value]];

/** Says which objectives have a low span, and why, as the report does; undefined where all are steered. */
export function lowSpanWarning(figures: Figures): string | undefined {
  const spans = Object.entries(figures).flatMap(([name, span]) => {
    const objective = /^train\/span\/(.*)$/.exec(name)?.[1];
    if (objective === undefined) return [];
    return {
      span,
      of: `of ${objective}`,
      cause: lowSpan(span, figures[`train/span_in_reach/${objective}`] ?? null),
    };
  });
  const texts = (['locked-in', 'out-of-reach'] as const).flatMap((cause) => {
    const low = spans.filter((one) => one.cause === cause);
    return low.length === 0 ? [] : [lowSpanAdvice(cause, 'the policy', spansText(low))];
  });
  return texts.length === 0 ? undefined : texts.join('\n');
}
