/** The trade-offs that a front asks a policy for. */
import { StageFailure } from '../../runner/contract.js';
import type { SteerablePolicy, TradeOff } from '../policy/types.js';
import { simplexGrid } from './trade-offs.js';

export interface Grid {
  readonly weights: { readonly simplex: number } | readonly (readonly number[])[];
  readonly alpha: 'trained' | number | readonly number[];
}

/**
 * Every weighting at every alpha; a simplex grid of more than the corners has the middle, where it is none of its points
 * (no tenth is a third). Of a policy that answers a list of weightings only, a simplex grid is that list;
 * a weighting that is asked for by name must be in its domain, which the policy itself checks.
 */
export function tradeOffsOfGrid(
  grid: Grid,
  { domain, objectives }: Pick<SteerablePolicy, 'domain' | 'objectives'>,
): readonly TradeOff[] {
  const m = objectives.length;
  const weightings = 'simplex' in grid.weights ? simplexOf(grid.weights.simplex, m, domain) : grid.weights;
  const wrong = weightings.find((weights) => weights.length !== m);
  if (wrong)
    throw new StageFailure(
      'user',
      'weights-length',
      `the policy has ${m} objectives (${objectives.join(', ')}), the grid asks for the weights [${wrong.join(', ')}]`,
    );
  return alphasOf(grid.alpha, domain.alpha).flatMap((alpha) =>
    weightings.map((weights) => ({ alpha, weights })),
  );
}

function simplexOf(n: number, m: number, domain: SteerablePolicy['domain']): readonly (readonly number[])[] {
  if (typeof domain.weights !== 'string') return domain.weights;
  const grid = simplexGrid(m, n);
  const hasMiddle = n === 2 || (n - 1) % m === 0;
  if (hasMiddle) return grid;
  const withMiddle = [...grid, Array.from({ length: m }, () => 1 / m)];
  // The front of two rewards is drawn as a line, from one end to the other.
  return m === 2 ? withMiddle.sort(([a = 0], [b = 0]) => a - b) : withMiddle;
}

function alphasOf(alpha: Grid['alpha'], trained: SteerablePolicy['domain']['alpha']): readonly number[] {
  if (alpha === 'trained') return [typeof trained === 'number' ? trained : trained[0]];
  return typeof alpha === 'number' ? [alpha] : alpha;
}
