/** A model on disk: config.json, model.safetensors under Hugging Face names, tokenizer.json. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StageFailure } from '../../runner/contract.js';
import { configJson, parseConfig, type ModelConfig } from './config.js';
import { writeSafetensors } from './safetensors.js';
import { readTokenizer, writeTokenizer } from './tokenizer-files.js';
import type { MaskedTokenizer } from './tokenizer.js';
import type { NamedTensors } from './types.js';
import { readWeights, takeParameters, type FindFile } from './weights-files.js';

export interface Model {
  readonly config: ModelConfig;
  readonly weights: NamedTensors;
  readonly tokenizer: MaskedTokenizer;
}

/** The caller disposes of the weights. Files that do not fit each other are a StageFailure. */
export async function loadModel(find: FindFile): Promise<Model> {
  const path = find('config.json');
  if (path === undefined) throw new StageFailure('user', 'model-mismatch', 'the model has no config.json');
  const config = parseConfig(await readFile(path, 'utf8'), path);
  const tokenizer = await readTokenizer(find, config);
  const { weights, path: file } = await readWeights(find);
  return { ...takeParameters(config, weights, file), tokenizer };
}

/** Writes the files; the same model gives the same bytes. */
export async function saveModel(folder: string, { config, weights, tokenizer }: Model): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'config.json'), configJson(config));
  await writeTokenizer(folder, tokenizer);
  await writeSafetensors(join(folder, 'model.safetensors'), weights, { format: 'pt' });
}
