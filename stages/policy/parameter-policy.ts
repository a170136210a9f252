/** A policy whose parameters, or prompt, depend on the trade-off: what soft, clp and rewarded-soup make. */
import type { Tensor2D } from '@tensorflow/tfjs';
import { StageFailure } from '../../runner/contract.js';
import { fusedInMemory } from '../backend/fused.js';
import { tf } from '../backend/tf.js';
import type { Cost, PolicyManifest } from '../../schemas/artifact.js';
import {
  countParameters,
  disposeTensors,
  languageModel,
  parameter,
  SOFT_TOKENS,
  type LanguageModelOptions,
} from '../lm/index.js';
import type { LanguageModel, NamedTensors, Tokens } from '../lm/types.js';
import { oneHot } from '../vector.js';
import { adaptingOf } from './adapting.js';
import { materialize } from './merge.js';
import type { Mixture } from './mixture.js';
import { spellings } from './settings.js';
import { writeTradeOff } from './prompt-writing.js';
import { promptedModel } from './prompted-model.js';
import { distinct, groupedModel } from './rows.js';
import { referenceShare } from './reference-share.js';
import { conditionedParameters, type StoredPolicy } from './stored-policy.js';
import type { SteerablePolicy, TradeOff } from './types.js';

/** Opens a stored policy; it owns the tensors from now on, and dispose() frees them. */
export function parameterPolicy(stored: StoredPolicy): SteerablePolicy {
  const { manifest, config, tokenizer, shared, copies, reference } = stored;
  const parameters = conditionedParameters(stored);
  const domain = domainOf(manifest);
  return {
    method: methodName(manifest),
    objectives: manifest.objectives,
    domain,
    together: (rows) => pays(stored, rows),
    at(tradeOff) {
      checkDomain(tradeOff, domain, manifest.objectives);
      const merged = materialize(parameters, mixtureAt(stored, tradeOff));
      const model = languageModel(config, merged.weights, tokenizer, { keepWeights: true });
      const before = writtenAt(stored, tradeOff);
      return Promise.resolve(
        promptedModel(model, { tokenizer, before: () => before, dispose: () => merged.dispose() }),
      );
    },
    atRows(tradeOffs) {
      tradeOffs.forEach((tradeOff) => checkDomain(tradeOff, domain, manifest.objectives));
      return Promise.resolve(rowsAt(stored, tradeOffs));
    },
    cost: (tradeOff) => costAt(stored, tradeOff),
    dispose: () => [shared, ...copies, reference].forEach(disposeTensors),
  };
}

/**
 * One batch with a trade-off a row. A prompt is written for each row; under logits all rows share what runs before the
 * output layer, of which each trade-off has its own. Soft tokens of all trade-offs stand in one table. Under lora and
 * svd-lora all rows run on the reference, and each adds its own mixture of the adapters. Otherwise (full, attention, soups
 * of adapters) rows of one trade-off run together, on weights merged for it.
 */
function rowsAt(stored: StoredPolicy, tradeOffs: readonly TradeOff[]): LanguageModel {
  const { config, tokenizer, manifest } = stored;
  const { items, of } = distinct(tradeOffs);
  const model = (weights: NamedTensors, options: LanguageModelOptions = {}): LanguageModel =>
    languageModel(config, weights, tokenizer, { keepWeights: true, ...options });
  if (manifest.conditioning === 'prompt') {
    const written = items.map((tradeOff) => writtenAt(stored, tradeOff));
    const before = (row: number): Tokens => written[of[row] ?? 0] ?? new Int32Array();
    return promptedModel(model(stored.shared), { tokenizer, before, dispose: () => undefined });
  }
  const parameters = conditionedParameters(stored);
  const none = (): Tokens => new Int32Array();
  const tensors = parameters.adapting?.rows?.(
    parameters,
    items.map((tradeOff) => mixtureAt(stored, tradeOff)),
  );
  if (tensors) {
    const adapted = model(stored.reference, { adapters: { tensors, of } });
    return promptedModel(adapted, { tokenizer, before: none, dispose: () => disposeTensors(tensors) });
  }
  const merged = items.map((tradeOff) => materialize(parameters, mixtureAt(stored, tradeOff)));
  const dispose = (): void => merged.forEach((own) => own.dispose());
  const [first] = merged;
  if (manifest.conditioning === 'soft-tokens' && first) {
    const soft = tf.concat(merged.map(({ weights }) => parameter<Tensor2D>(weights, SOFT_TOKENS)));
    const written = items.map((_, i) => softTokens(stored, i));
    return promptedModel(model({ ...stored.shared, [SOFT_TOKENS]: soft }), {
      tokenizer,
      before: (row) => written[of[row] ?? 0] ?? new Int32Array(),
      dispose: () => [dispose, () => soft.dispose()].forEach((free) => free()),
    });
  }
  if (manifest.conditioning === 'logits' && first) {
    const tensors = merged.map(({ weights }) => parameter<Tensor2D>(weights, 'lm_head.weight'));
    return promptedModel(model(first.weights, { heads: { tensors, of } }), {
      tokenizer,
      before: none,
      dispose,
    });
  }
  const models = merged.map(({ weights }) => model(weights));
  return promptedModel(groupedModel(models, of), { tokenizer, before: none, dispose });
}

/** Rows at a trade-off up to which adapters of their own cost less than merged weights, where operations start at once. */
const fewRows = 8;

/**
 * Whether rows of several trade-offs cost less in one batch. Adapters of their own are two more products a row: they pay
 * where each operation costs to be started (TensorFlow, WebGPU), and on wasm and in plain JavaScript for few rows.
 */
function pays({ manifest, config }: StoredPolicy, rows: number): boolean {
  if (['prompt', 'soft-tokens', 'logits'].includes(manifest.conditioning)) return true;
  return adaptingOf(manifest, config)?.rows !== undefined && (!fusedInMemory() || rows <= fewRows);
}

/** A policy of one method may come in several conditionings: `clp-full`. */
function methodName({ method, conditioning }: PolicyManifest): string {
  return method === 'clp' ? `${method}-${conditioning}` : method;
}

/** w and s at a trade-off. */
export function mixtureAt(
  { manifest }: Pick<StoredPolicy, 'manifest'>,
  { alpha, weights }: TradeOff,
): Mixture {
  const share =
    'range' in manifest.alpha ? referenceShare(manifest.referenceShare, alpha, manifest.alpha.range) : 0;
  return { weights, referenceShare: share };
}

/** The tokens that say the trade-off; none where the prompt stays as it is. */
export function writtenAt(stored: Writer, tradeOff: TradeOff): Tokens {
  const { manifest, tokenizer } = stored;
  if (manifest.conditioning === 'soft-tokens') return softTokens(stored, 0);
  if (manifest.conditioning !== 'prompt') return new Int32Array();
  return writeTradeOff(tradeOff, {
    tokenizer,
    spelling: spellings.find((name) => name === manifest.spelling) ?? 'buckets',
    ...('range' in manifest.alpha ? { alphaRange: manifest.alpha.range } : {}),
  });
}

type Writer = Pick<StoredPolicy, 'manifest' | 'tokenizer' | 'config'>;

/** Those of the set that stands at a place among several. */
function softTokens({ manifest: { softTokens: count = 0 }, config }: Writer, set: number): Tokens {
  return Int32Array.from({ length: count }, (_, i) => config.vocab_size + set * count + i);
}

/** Tokens that a trade-off takes before the prompt, at most. */
export function longestWriting(stored: Writer): number {
  const { alpha, objectives } = stored.manifest;
  const corners = objectives.map((_, k) => oneHot(k, objectives.length));
  const middle = objectives.map(() => 1 / objectives.length);
  const ends = 'fixed' in alpha ? [alpha.fixed] : alpha.range;
  const tradeOffs = ends.flatMap((end) => [...corners, middle].map((weights) => ({ alpha: end, weights })));
  return Math.max(...tradeOffs.map((tradeOff) => writtenAt(stored, tradeOff).length));
}

/** What a policy was trained for. */
export function domainOf({ alpha, weights }: PolicyManifest): SteerablePolicy['domain'] {
  return { alpha: 'fixed' in alpha ? alpha.fixed : alpha.range, weights: weights ? [weights] : 'simplex' };
}

/** Weights may miss the simplex by rounding only; alpha may not miss its domain at all. */
export function checkDomain(
  { alpha, weights }: TradeOff,
  domain: SteerablePolicy['domain'],
  objectives: readonly string[],
): void {
  const sum = weights.reduce((a, b) => a + b, 0);
  if (weights.length !== objectives.length || Math.abs(sum - 1) > 1e-6 || weights.some((w) => w < 0))
    throw outside(
      `weights [${weights.join(', ')}] are no point of the simplex over ${objectives.join(', ')}`,
    );
  const [least, greatest] = typeof domain.alpha === 'number' ? [domain.alpha, domain.alpha] : domain.alpha;
  if (!(alpha >= least && alpha <= greatest))
    throw outside(
      `alpha ${alpha} is not what the policy was trained for: ` +
        (least === greatest ? `alpha ${least}` : `alpha from ${least} to ${greatest}`),
    );
  if (typeof domain.weights === 'string') return;
  if (!domain.weights.some((point) => point.every((w, i) => Math.abs(w - (weights[i] ?? 0)) < 1e-6)))
    throw outside(
      `weights [${weights.join(', ')}] are not what the policy was trained for: ` +
        domain.weights.map((point) => `[${point.join(', ')}]`).join(' or '),
    );
}

function outside(message: string): StageFailure {
  return new StageFailure('user', 'outside-domain', message);
}

/**
 * Merging costs a multiplication and an addition a conditioned parameter and copy that takes part; where the reference
 * has a share it takes part as a copy does.
 */
function costAt(stored: StoredPolicy, tradeOff: TradeOff): Cost {
  const { shared, copies, reference, config, manifest } = stored;
  const conditioned = copies[0] ? countParameters(copies[0]) : 0;
  const { weights, referenceShare: share } = mixtureAt(stored, tradeOff);
  const taking = [...weights, share].filter((w) => w !== 0).length;
  const trained = countParameters(shared) + copies.length * conditioned;
  const adapting = adaptingOf(manifest, config);
  return {
    passesPerToken: 1,
    mergeFlops: adapting ? adapting.flops(weights) : 2 * taking * conditioned,
    residentParameters:
      trained + (manifest.referenceShare === 'none' && !adapting ? 0 : countParameters(reference)),
    trainedParameters: trained,
  };
}
