import type { ConditioningMethod } from './types.js';

/** Every parameter is kept once an objective. */
export const conditioning: ConditioningMethod = {
  conditions: () => true,
  untied: false,
};
