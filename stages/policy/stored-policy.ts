/** A policy artifact: policy.json, the weights, and everything needed to use them; nothing points outside. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StageFailure, artifactFile, type ArtifactRef } from '../../runner/contract.js';
import { PolicyManifest } from '../../schemas/artifact.js';
import { canonicalJson, type Json } from '../../schemas/json.js';
import { matches } from '../../schemas/mismatch.js';
import {
  configJson,
  parseConfig,
  readSafetensors,
  readTokenizer,
  writeSafetensors,
  writeTokenizer,
  type MaskedTokenizer,
} from '../lm/index.js';
import type { ModelConfig } from '../lm/config.js';
import type { NamedTensors } from '../lm/types.js';
import { adaptingOf } from './adapting.js';
import type { ConditionedParameters } from './merge.js';

export interface StoredPolicy {
  readonly manifest: PolicyManifest;
  /** Of the merged model, which is also the reference's: both untied where one is. */
  readonly config: ModelConfig;
  readonly tokenizer: MaskedTokenizer;
  readonly shared: NamedTensors;
  /** One an objective, in the manifest's order; empty where nothing is kept once an objective. */
  readonly copies: readonly NamedTensors[];
  /** pi_ref, whole. */
  readonly reference: NamedTensors;
}

/** Writes a policy into `folder`, made if absent. The bytes depend on the policy alone. */
export async function savePolicy(folder: string, policy: StoredPolicy): Promise<void> {
  await mkdir(folder, { recursive: true });
  const json = (name: string, value: unknown): Promise<void> =>
    writeFile(join(folder, name), canonicalJson(value as Json) + '\n');
  await json('policy.json', policy.manifest);
  await writeFile(join(folder, 'config.json'), configJson(policy.config));
  await writeTokenizer(folder, policy.tokenizer);
  await writeSafetensors(join(folder, 'reference.safetensors'), policy.reference);
  if (Object.keys(policy.shared).length > 0)
    await writeSafetensors(join(folder, 'shared.safetensors'), policy.shared);
  for (const [i, copy] of policy.copies.entries())
    await writeSafetensors(join(folder, copyFile(policy.manifest, i)), copy);
}

/** Reads a policy artifact. A folder that is none is a StageFailure. The caller disposes the tensors. */
export async function loadPolicy(artifact: ArtifactRef): Promise<StoredPolicy> {
  const manifest: unknown = JSON.parse(await readFile(artifactFile(artifact, 'policy.json'), 'utf8'));
  if (!matches(PolicyManifest, manifest))
    throw new StageFailure('user', 'policy-damaged', 'policy.json is not the manifest of a policy');
  const text = (name: string): Promise<string> => readFile(artifactFile(artifact, name), 'utf8');
  const tensors = (name: string): Promise<NamedTensors> => readSafetensors(artifactFile(artifact, name));
  const config = parseConfig(await text('config.json'), 'config.json');
  const copies: NamedTensors[] = [];
  if (hasCopies(manifest))
    for (const i of manifest.objectives.keys()) copies.push(await tensors(copyFile(manifest, i)));
  return {
    manifest,
    config,
    tokenizer: await readTokenizer((name) => artifact.files?.[name], config),
    shared: artifact.files?.['shared.safetensors'] ? await tensors('shared.safetensors') : {},
    copies,
    reference: await tensors('reference.safetensors'),
  };
}

function hasCopies({ conditioning }: PolicyManifest): boolean {
  return !['none', 'prompt', 'svd-lora'].includes(conditioning);
}

function copyFile({ objectives }: PolicyManifest, i: number): string {
  return `copy.${objectives[i] ?? i}.safetensors`;
}

/** What merging works on. */
export function conditionedParameters(policy: StoredPolicy): ConditionedParameters {
  const { shared, copies, reference, config, manifest } = policy;
  const adapting = adaptingOf(manifest, config);
  return { shared, copies, reference, ...(adapting ? { adapting } : {}) };
}
