/** The weights of a model in its files: one, or several shards that an index lists; the parameters that it has. */
import { readFile } from 'node:fs/promises';
import type { Tensor } from '@tensorflow/tfjs';
import { StageFailure } from '../../runner/contract.js';
import { architectureOf, namePrefix, untiedConfig, type ModelConfig } from './config.js';
import { readSafetensors } from './safetensors.js';
import type { NamedTensors } from './types.js';
import { disposeTensors, parameterShapes } from './weights.js';

export const WEIGHTS = 'model.safetensors';
export const INDEX = 'model.safetensors.index.json';

/** Absolute path of a model's file, by its name; undefined where it is not there. */
export type FindFile = (name: string) => string | undefined;

/** All tensors of all shards; the caller disposes. */
export async function readWeights(find: FindFile): Promise<{ weights: NamedTensors; path: string }> {
  const whole = find(WEIGHTS);
  if (whole !== undefined) return { weights: await readSafetensors(whole, isBuffer), path: whole };
  const index = find(INDEX);
  if (index === undefined) throw noWeights(find);
  const weights: Record<string, NamedTensors[string]> = {};
  for (const shard of await shardsOf(index)) {
    const path = find(shard);
    if (path === undefined) {
      disposeTensors(weights);
      throw new StageFailure('user', 'model-mismatch', `${index} lists ${shard}, which is not there`);
    }
    Object.assign(weights, await readSafetensors(path, isBuffer));
  }
  return { weights, path: index };
}

function noWeights(find: FindFile): StageFailure {
  const pickled = ['pytorch_model.bin', 'pytorch_model.bin.index.json'].some(
    (name) => find(name) !== undefined,
  );
  if (find('policy.json') !== undefined)
    return new StageFailure(
      'user',
      'model-mismatch',
      'the folder is a policy, which answers many trade-offs: `moft export CELL -o FOLDER --weights NAME=1` makes a model of one',
    );
  return new StageFailure(
    'user',
    'model-mismatch',
    pickled
      ? `the model has its weights in pytorch_model.bin, which runs code when it is read; save it as ${WEIGHTS}`
      : `the model has no weights: expected ${WEIGHTS}, or ${INDEX} with its shards`,
  );
}

/** Names of the files that an index lists, each once. */
async function shardsOf(path: string): Promise<readonly string[]> {
  const broken = (message: string): StageFailure =>
    new StageFailure('user', 'safetensors', `${path} is no index of shards: ${message}`);
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw broken(error instanceof Error ? error.message : String(error));
  }
  const map = (json as { readonly weight_map?: unknown } | null)?.weight_map;
  if (typeof map !== 'object' || map === null) throw broken('it has no weight_map');
  const files: readonly unknown[] = Object.values(map);
  if (!files.every((file): file is string => typeof file === 'string' && !/[\\/]/.test(file)))
    throw broken('its weight_map names something else than files beside it');
  return [...new Set(files)].sort();
}

/** Buffers that older versions saved, of any type, and what T5 has and never reads; none is a parameter. */
const buffers = [
  /\.(attn|crossattention)\.(bias|masked_bias)$/,
  /\.rotary_emb\.inv_freq$/,
  /(^|\.)decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\.weight$/,
];
const isBuffer = (name: string): boolean => buffers.some((pattern) => pattern.test(name));

/** Copies of the embedding. */
const copies = [/(^|\.)embed_tokens\.weight$/, /^lm_head\.weight$/];

/**
 * The parameters of the configuration, each in its shape, from tensors of a file, which it takes over. Names may lack
 * the prefix that a model without its output layer is saved without. What is missing, or too much, is a StageFailure.
 */
export function takeParameters(
  written: ModelConfig,
  tensors: NamedTensors,
  path: string,
): { readonly config: ModelConfig; readonly weights: NamedTensors } {
  const config = withHeadOf(written, tensors);
  const prefix = namePrefix(config);
  const found = new Map<string, NamedTensors[string]>();
  for (const [name, tensor] of Object.entries(tensors)) {
    const long = name.startsWith(prefix) || name === 'lm_head.weight' ? name : prefix + name;
    found.set(long, tensor);
  }
  const shapes = parameterShapes(config);
  const problems = [
    ...Object.entries(shapes).flatMap(([name, shape]) => shapeProblem(name, shape, found.get(name)?.shape)),
    ...[...found.keys()].flatMap((name) => excessProblem(name, shapes)),
  ];
  if (problems[0] !== undefined) {
    disposeTensors(tensors);
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
    throw new StageFailure('user', 'model-mismatch', `${path}: ${problems[0]}${more}`);
  }
  const weights: Record<string, NamedTensors[string]> = {};
  for (const [name, tensor] of found) {
    if (name in shapes) weights[name] = tensor;
    else tensor.dispose();
  }
  return {
    config,
    weights: Object.fromEntries(Object.keys(shapes).map((name) => [name, weights[name]])) as NamedTensors,
  };
}

/**
 * With an output layer of its own where the file has one. Of T5 v1.1 the file alone knows: Transformers 5 calls all of
 * them tied. Other types that are called tied have none but a copy of the embedding; one that is no copy is meant.
 */
function withHeadOf(config: ModelConfig, tensors: NamedTensors): ModelConfig {
  const own = tensors['lm_head.weight'];
  if (config.model_type === 't5')
    return { ...config, tie_word_embeddings: config.scale_decoder_outputs || own === undefined };
  const { embedding, head } = architectureOf(config);
  const table = tensors[embedding.name] ?? tensors[embedding.name.slice(namePrefix(config).length)];
  return head.tied && own && table && !isCopy(own, table) ? untiedConfig(config) : config;
}

function isCopy(own: Tensor, table: Tensor): boolean {
  const [a, b] = [own.dataSync<'float32'>(), table.dataSync<'float32'>()];
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

function shapeProblem(name: string, shape: readonly number[], found?: readonly number[]): string[] {
  if (found?.join() === shape.join()) return [];
  const what = found ? `has shape [${found.join(', ')}]` : 'is missing';
  return [`${name} ${what}; expected [${shape.join(', ')}]`];
}

function excessProblem(name: string, shapes: Readonly<Record<string, unknown>>): string[] {
  if (name in shapes || isBuffer(name) || copies.some((pattern) => pattern.test(name))) return [];
  return [`${name} is no parameter of a model of this type`];
}
