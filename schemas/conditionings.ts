/**
 * Names of the conditionings. Apart from the schemas of artifacts, which every cell's code reaches: a new name there would
 * make everything run again.
 */
export const conditioningNames = [
  'full',
  'attention',
  'logits',
  'lora',
  'svd-lora',
  'prompt',
  'soft-tokens',
] as const;
export type ConditioningName = (typeof conditioningNames)[number];
