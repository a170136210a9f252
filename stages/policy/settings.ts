/**
 * What a conditioning is set to: what runs read of it. Its schema, with the names of all, is in `options.ts`, which only
 * declarations of kinds import, so that a new one makes nothing run again.
 */
import type { ConditioningName } from '../../schemas/conditionings.js';
import type { LoraShape } from '../lm/lora.js';

/** How the prompt conditioning writes weights down. */
export const spellings = ['buckets', 'decimals', 'percent'] as const;
export type Spelling = (typeof spellings)[number];

export const defaultSoftTokens = 4;

/** For a conditioning that is only named. */
export const svdDefaults = { rank: 8, targets: 'attention' } as const;
export const loraDefaults = { ...svdDefaults, alpha: 16 } as const;

export type Conditioning = ConditioningName | Readonly<Record<string, ConditioningOptions>>;
type ConditioningOptions = { readonly spelling?: Spelling; readonly count?: number } & Partial<LoraShape>;
/** The name in either form. */
export function conditioningName(conditioning: Conditioning): ConditioningName {
  const name = typeof conditioning === 'string' ? conditioning : Object.keys(conditioning)[0];
  // The schema takes no other name.
  return name as ConditioningName;
}

/** The spelling of a prompt conditioning; the default for the others, which don't write. */
export function spellingOf(conditioning: Conditioning): Spelling {
  if (typeof conditioning === 'string') return 'buckets';
  return conditioning.prompt?.spelling ?? 'buckets';
}

/** Rank, alpha and targets of a lora conditioning. */
export function loraOf(conditioning: Conditioning): LoraShape {
  return { ...loraDefaults, ...(typeof conditioning === 'string' ? {} : conditioning.lora) };
}

/** Rank and targets of an svd-lora conditioning. */
export function svdOf(conditioning: Conditioning): Omit<LoraShape, 'alpha'> {
  return { ...svdDefaults, ...(typeof conditioning === 'string' ? {} : conditioning['svd-lora']) };
}

/** Embeddings of a soft-tokens conditioning. */
export function softTokensOf(conditioning: Conditioning): number {
  if (typeof conditioning === 'string') return defaultSoftTokens;
  return conditioning['soft-tokens']?.count ?? defaultSoftTokens;
}
