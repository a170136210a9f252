import type { ConditioningMethod } from './types.js';

/** No parameter itself: low-rank adapters of some of them are kept once an objective, and all else is frozen. */
export const conditioning: ConditioningMethod = {
  conditions: () => false,
  untied: false,
  adapted: true,
};
