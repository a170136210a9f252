import { freshSvdFactors, svdAdaptersOf } from '../../lm/index.js';
import { Random } from '../../random.js';
import type { ConditioningMethod } from './types.js';

/** No parameter itself: one adapter of some of them, whose last singular values are the weights; all else is frozen. */
export const conditioning: ConditioningMethod = {
  conditions: () => false,
  untied: false,
  factors({ config }, { svd, objectives }, seed) {
    if (!svd) throw new Error('internal error: adapters without a rank; please report it');
    const adapters = svdAdaptersOf(config, svd, objectives.length);
    return { shared: freshSvdFactors(adapters, new Random(seed, 'policy/adapter')), copies: [] };
  },
};
