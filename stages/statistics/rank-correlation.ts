/** Rank correlations with ties. */
import { sampleRankCorrelation } from 'simple-statistics';

/**
 * Kendall's tau-b; 0 where either side is constant, so that a policy that cannot be steered scores 0. Quote the
 * optimum's beside it: for correlated rewards the optimum itself can be at -1.
 */
export function kendallTauB(x: readonly number[], y: readonly number[]): number {
  let score = 0;
  let untiedX = 0;
  let untiedY = 0;
  for (let i = 0; i < x.length; i++)
    for (let j = 0; j < i; j++) {
      const dx = Math.sign((x[i] ?? 0) - (x[j] ?? 0));
      const dy = Math.sign((y[i] ?? 0) - (y[j] ?? 0));
      score += dx * dy;
      untiedX += dx * dx;
      untiedY += dy * dy;
    }
  return untiedX === 0 || untiedY === 0 ? 0 : score / Math.sqrt(untiedX * untiedY);
}

/** Spearman's rho on mid-ranks; 0 where either side is constant. */
export function spearmanRho(x: readonly number[], y: readonly number[]): number {
  const rho = sampleRankCorrelation([...x], [...y]);
  return Number.isNaN(rho) ? 0 : rho;
}
