/** A policy at one trade-off as a language model of its own, which other programs load. */
import { StageFailure, type ArtifactRef } from '../../runner/contract.js';
import type { PolicyManifest } from '../../schemas/artifact.js';
import { conditioningNames } from '../../schemas/conditionings.js';
import { disposeTensors, saveModel } from '../lm/index.js';
import { materialize } from './merge.js';
import { checkDomain, domainOf, mixtureAt } from './parameter-policy.js';
import { conditionedParameters, loadPolicy } from './stored-policy.js';

export interface Asked {
  /** By objective; those that are not named weigh nothing. The policy's own where it has one trade-off only. */
  readonly weights?: Readonly<Record<string, number>> | undefined;
  /** The policy's own where it was trained for one only. */
  readonly alpha?: number | undefined;
}

/**
 * Merges the weights of a policy at a trade-off and writes them with config.json and the tokenizer into `folder`. A
 * policy that is told the trade-off before its prompt is no such model, and refused. Needs a started engine.
 */
export async function saveMergedModel(policy: ArtifactRef, asked: Asked, folder: string): Promise<void> {
  const stored = await loadPolicy(policy);
  try {
    const { manifest, config, tokenizer } = stored;
    refuseTold(manifest);
    const tradeOff = { weights: weightsOf(manifest, asked), alpha: alphaOf(manifest, asked) };
    checkDomain(tradeOff, domainOf(manifest), manifest.objectives);
    const merged = materialize(conditionedParameters(stored), mixtureAt(stored, tradeOff));
    await saveModel(folder, { config, weights: merged.weights, tokenizer });
    merged.dispose();
  } finally {
    [stored.shared, ...stored.copies, stored.reference].forEach(disposeTensors);
  }
}

function refuseTold({ conditioning }: PolicyManifest): void {
  if (conditioning !== 'none' && !conditioningNames.includes(conditioning))
    throw new StageFailure(
      'user',
      'unknown-conditioning',
      `the policy has the conditioning ${JSON.stringify(conditioning)}, which this version doesn't know`,
    );
  if (conditioning !== 'prompt' && conditioning !== 'soft-tokens') return;
  throw new StageFailure(
    'user',
    'not-merged',
    `under the conditioning \`${conditioning}\` the trade-off stands before the prompt and not in the weights, so ` +
      'there is no model of one trade-off',
  );
}

function weightsOf({ objectives, weights }: PolicyManifest, { weights: asked }: Asked): readonly number[] {
  if (!asked) {
    if (weights) return weights;
    throw missing(`weights of ${objectives.join(', ')}`);
  }
  const other = Object.keys(asked).find((name) => !objectives.includes(name));
  if (other !== undefined)
    throw new StageFailure(
      'user',
      'unknown-objective',
      `the policy has no objective ${JSON.stringify(other)}; it has ${objectives.join(', ')}`,
    );
  return objectives.map((name) => asked[name] ?? 0);
}

function alphaOf({ alpha }: PolicyManifest, asked: Asked): number {
  if (asked.alpha !== undefined) return asked.alpha;
  if ('fixed' in alpha) return alpha.fixed;
  throw missing(`an alpha from ${alpha.range[0]} to ${alpha.range[1]}`);
}

function missing(what: string): StageFailure {
  return new StageFailure('user', 'no-trade-off', `the policy answers many trade-offs, and needs ${what}`);
}
