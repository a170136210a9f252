/** Conditionings by name: a new one is one file, one line here and one in `schemas/conditionings.ts`. */
import type { ConditioningName } from '../../../schemas/conditionings.js';
import { byName } from '../../by-name.js';
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
  const unknown = (): Error =>
    new Error(`internal error: no conditioning ${JSON.stringify(name)}; please report it`);
  return (await byName(methods, name, unknown)).conditioning;
}
