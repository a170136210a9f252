/** A model on disk: config.json, model.safetensors under Hugging Face names, tokenizer.json. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StageFailure } from '../../runner/contract.js';
import { configJson, parseConfig, type ModelConfig } from './config.js';
import { writeSafetensors } from './safetensors.js';
import { parseTokenizer, tokenizerJson, type MaskedTokenizer } from './tokenizer.js';
import type { NamedTensors } from './types.js';
import { readWeights, takeParameters, type FindFile } from './weights-files.js';

export interface Model {
  readonly config: ModelConfig;
  readonly weights: NamedTensors;
  readonly tokenizer: MaskedTokenizer;
}

/** The caller disposes of the weights. Files that do not fit each other are a StageFailure. */
export async function loadModel(find: FindFile): Promise<Model> {
  const configPath = needed(find, 'config.json');
  const tokenizerPath = needed(find, 'tokenizer.json');
  const config = parseConfig(await readFile(configPath, 'utf8'), configPath);
  const tokenizer = parseTokenizer(await readFile(tokenizerPath, 'utf8'), tokenizerPath);
  if (tokenizer.vocabulary.length !== config.vocab_size) {
    throw new StageFailure(
      'user',
      'model-mismatch',
      `${tokenizerPath} has ${tokenizer.vocabulary.length} tokens, ${configPath} says ${config.vocab_size}`,
    );
  }
  const { weights, path } = await readWeights(find);
  return { ...takeParameters(config, weights, path), tokenizer };
}

function needed(find: FindFile, name: string): string {
  const path = find(name);
  if (path === undefined) throw new StageFailure('user', 'model-mismatch', `the model has no ${name}`);
  return path;
}

/** Writes the three files; the same model gives the same bytes. */
export async function saveModel(folder: string, { config, weights, tokenizer }: Model): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'config.json'), configJson(config));
  await writeFile(join(folder, 'tokenizer.json'), tokenizerJson(tokenizer));
  await writeSafetensors(join(folder, 'model.safetensors'), weights, { format: 'pt' });
}
