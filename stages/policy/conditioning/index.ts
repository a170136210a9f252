/** Conditionings by name: a new one is one file and one line here. */
import type { ConditioningName } from '../../../schemas/artifact.js';
import type { ConditioningMethod } from './types.js';

const methods: Readonly<
  Record<ConditioningName, () => Promise<{ readonly conditioning: ConditioningMethod }>>
> = {
  full: () => import('./full.js'),
  attention: () => import('./attention.js'),
  logits: () => import('./logits.js'),
  lora: () => import('./lora.js'),
  'svd-lora': () => import('./svd-lora.js'),
  prompt: () => import('./prompt.js'),
  'soft-tokens': () => import('./soft-tokens.js'),
};

export async function conditioningMethod(name: ConditioningName): Promise<ConditioningMethod> {
  return (await methods[name]()).conditioning;
}
