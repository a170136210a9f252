import type { ConditioningMethod } from './types.js';

/** The last linear layer alone; the input embedding stays shared. */
export const conditioning: ConditioningMethod = {
  conditions: (parameter) => parameter === 'lm_head.weight',
  untied: true,
};
