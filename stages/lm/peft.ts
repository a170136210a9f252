/** A low-rank adapter in PEFT's files: adapter_config.json and adapter_model.safetensors. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StageFailure } from '../../runner/contract.js';
import { canonicalJson, type Json, type JsonObject } from '../../schemas/json.js';
import type { Linear } from './architecture.js';
import { architectureOf, type ModelConfig } from './config.js';
import { isMap } from './families/family.js';
import { factorNames, linearsOf, type Adapters } from './lora.js';
import { readSafetensors, writeSafetensors } from './safetensors.js';
import type { NamedTensors } from './types.js';
import { disposeTensors } from './weights.js';
import type { FindFile } from './weights-files.js';

export const ADAPTER_CONFIG = 'adapter_config.json';
export const ADAPTER_WEIGHTS = 'adapter_model.safetensors';

export interface Adapter {
  readonly adapters: Adapters;
  readonly factors: NamedTensors;
}

/** What PEFT puts before the names of a model's parameters. */
const prefix = 'base_model.model.';

/** Writes the files; the same adapter gives the same bytes. The base is not named: it may lie anywhere. */
export async function saveAdapter(
  folder: string,
  config: ModelConfig,
  { adapters, factors }: Adapter,
): Promise<void> {
  const { linears, rank, scale } = adapters;
  await mkdir(folder, { recursive: true });
  const settings = {
    ...{ peft_type: 'LORA', task_type: taskOf(config), base_model_name_or_path: null, revision: null },
    ...{
      r: rank,
      lora_alpha: scale * rank,
      lora_dropout: 0,
      use_rslora: false,
      use_dora: false,
      bias: 'none',
    },
    ...{ fan_in_fan_out: linears.some(({ turned }) => !turned), inference_mode: true, modules_to_save: null },
    ...{ init_lora_weights: true, rank_pattern: {}, alpha_pattern: {}, layers_to_transform: null },
    target_modules: linears.map(({ name }) => name).sort(),
  };
  await writeFile(join(folder, ADAPTER_CONFIG), canonicalJson(settings) + '\n');
  const named = Object.entries(factors).map(([name, tensor]) => [prefix + name, tensor]);
  await writeSafetensors(join(folder, ADAPTER_WEIGHTS), Object.fromEntries(named) as NamedTensors, {
    format: 'pt',
  });
}

const taskOf = (config: ModelConfig): string =>
  architectureOf(config).encoder ? 'SEQ_2_SEQ_LM' : 'CAUSAL_LM';

/** An adapter of a model. What does not fit, or means more than W + scale B A, is a StageFailure. The caller disposes. */
export async function loadAdapter(find: FindFile, config: ModelConfig): Promise<Adapter> {
  const [settings, weights] = [find(ADAPTER_CONFIG), find(ADAPTER_WEIGHTS)];
  if (settings === undefined || weights === undefined)
    throw refused(
      `an adapter has ${ADAPTER_CONFIG} and ${ADAPTER_WEIGHTS}, found ${settings ?? weights ?? 'neither'}`,
    );
  const { rank, scale } = settingsOf(await readFile(settings, 'utf8'), settings);
  const factors = named(await readSafetensors(weights));
  const linears = linearsOf(architectureOf(config), 'all').filter(
    (linear) => factorNames(linear).a in factors,
  );
  const adapters = { linears, rank, scale };
  const problem = misfit(adapters, factors);
  if (problem === undefined) return { adapters, factors };
  disposeTensors(factors);
  throw refused(`${weights} does not fit the model: ${problem}`);
}

/** Settings under which an adapter is something else; absent ones are as PEFT has them. */
const plain: Readonly<Record<string, readonly unknown[]>> = {
  peft_type: ['LORA'],
  bias: ['none'],
  use_dora: [false, null, undefined],
  modules_to_save: [null, undefined],
  layers_to_transform: [null, undefined],
  layer_replication: [null, undefined],
  alora_invocation_tokens: [null, undefined],
  kasa_config: [null, undefined],
  use_bdlora: [null, undefined],
  arrow_config: [null, undefined],
  use_qalora: [false, null, undefined],
  // The others (PiSSA, OLoRA, CorDA, LoftQ, LoRA-GA) take the factors' first values away from the base.
  init_lora_weights: [true, false, null, undefined, 'gaussian', 'eva', 'orthogonal', 'mica'],
};

function settingsOf(text: string, path: string): { readonly rank: number; readonly scale: number } {
  const json = parsed(text, path);
  for (const [name, values] of Object.entries(plain))
    if (!values.includes(json[name]) && !(name === 'bias' && json[name] === undefined))
      throw refused(
        `${path} has ${name} ${JSON.stringify(json[name] ?? null)}, which is not supported; expected ${JSON.stringify(values[0])}`,
      );
  for (const name of ['rank_pattern', 'alpha_pattern'])
    if (Object.keys((json[name] ?? {}) as object).length > 0)
      throw refused(
        `${path} has a ${name}, which is not supported: every product has one rank and one alpha`,
      );
  const { r: rank, lora_alpha: alpha } = json;
  if (typeof rank !== 'number' || typeof alpha !== 'number' || !(rank >= 1))
    throw refused(`${path} has no rank r and lora_alpha that are numbers`);
  return { rank, scale: alpha / (json['use_rslora'] === true ? Math.sqrt(rank) : rank) };
}

function parsed(text: string, path: string): JsonObject {
  let json: Json;
  try {
    json = JSON.parse(text) as Json;
  } catch (error) {
    throw refused(`${path} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isMap(json)) throw refused(`${path} is no JSON object`);
  return json;
}

function named(tensors: NamedTensors): NamedTensors {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [
      name.startsWith(prefix) ? name.slice(prefix.length) : name,
      tensor,
    ]),
  );
}

function misfit({ linears, rank }: Adapters, factors: NamedTensors): string | undefined {
  const wanted = new Map(linears.flatMap((linear) => shapesOf(linear, rank)));
  const other = Object.keys(factors).find((name) => !wanted.has(name));
  if (other !== undefined) return `it has ${other}, and the model no such product`;
  if (wanted.size === 0) return 'it adapts nothing';
  for (const [name, shape] of wanted) {
    const found = factors[name]?.shape;
    if (found?.join() !== shape.join())
      return `${name} is ${JSON.stringify(found ?? null)}, expected ${JSON.stringify(shape)}`;
  }
  return undefined;
}

function shapesOf(linear: Linear, rank: number): (readonly [string, readonly number[]])[] {
  const { a, b } = factorNames(linear);
  return [
    [a, [rank, linear.inputs]],
    [b, [linear.outputs, rank]],
  ];
}

function refused(message: string): StageFailure {
  return new StageFailure('user', 'adapter', message);
}
