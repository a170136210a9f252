import type { ConditioningMethod } from './types.js';

/** The query, key, value and output projections of every block, with their biases. */
export const conditioning: ConditioningMethod = {
  conditions: (parameter) => /\.attn\.c_(attn|proj)\.(weight|bias)$/.test(parameter),
  untied: false,
};
