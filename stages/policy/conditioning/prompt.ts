import { writeTradeOff } from '../prompt-writing.js';
import type { ConditioningMethod } from './types.js';

/** No parameter: the trade-off is written before the prompt. The reference always reads the prompt without it. */
export const conditioning: ConditioningMethod = {
  conditions: () => false,
  untied: false,
  write: writeTradeOff,
};
