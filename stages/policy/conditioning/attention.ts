import type { ConditioningMethod } from './types.js';

/** As GPT-2, Llama and T5 name them. */
const projections = [
  /\.attn\.c_(attn|proj)\.(weight|bias)$/,
  /\.self_attn\.[qkvo]_proj\.(weight|bias)$/,
  /\.(SelfAttention|EncDecAttention)\.[qkvo]\.weight$/,
];

/** The query, key, value and output projections of every block, self and cross, with their biases. */
export const conditioning: ConditioningMethod = {
  conditions: (parameter) => projections.some((pattern) => pattern.test(parameter)),
  untied: false,
};
