/** A model on disk: config.json, model.safetensors under Hugging Face names, tokenizer.json. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StageFailure } from '../../runner/contract.js';
import { configJson, parseConfig } from './config.js';
import { readSafetensors, writeSafetensors } from './safetensors.js';
import { parseTokenizer, tokenizerJson, type MaskedTokenizer } from './tokenizer.js';
import type { DecoderConfig, NamedTensors } from './types.js';
import { disposeTensors, parameterShapes } from './weights.js';

export interface Model {
  readonly config: DecoderConfig;
  readonly weights: NamedTensors;
  readonly tokenizer: MaskedTokenizer;
}

/** Absolute paths of a model's files. */
export type ModelFiles = Readonly<Record<'config.json' | 'model.safetensors' | 'tokenizer.json', string>>;

/** The caller disposes of the weights. Files that do not fit each other are a StageFailure. */
export async function loadModel(files: ModelFiles): Promise<Model> {
  const config = parseConfig(await readFile(files['config.json'], 'utf8'), files['config.json']);
  const tokenizer = parseTokenizer(await readFile(files['tokenizer.json'], 'utf8'), files['tokenizer.json']);
  if (tokenizer.vocabulary.length !== config.vocab_size) {
    throw new StageFailure(
      'user',
      'model-mismatch',
      `${files['tokenizer.json']} has ${tokenizer.vocabulary.length} tokens, ${files['config.json']} says ${config.vocab_size}`,
    );
  }
  const weights = await readSafetensors(files['model.safetensors']);
  checkShapes(config, weights, files['model.safetensors']);
  return { config, weights, tokenizer };
}

/** Every parameter of the configuration is there in its shape. */
export function checkShapes(config: DecoderConfig, weights: NamedTensors, path: string): void {
  for (const [name, shape] of Object.entries(parameterShapes(config))) {
    const found = weights[name]?.shape;
    if (found?.join() === shape.join()) continue;
    disposeTensors(weights);
    const what = found ? `has shape [${found.join(', ')}]` : 'is missing';
    throw new StageFailure(
      'user',
      'model-mismatch',
      `${path}: ${name} ${what}; expected [${shape.join(', ')}]`,
    );
  }
}

/** Writes the three files; the same model gives the same bytes. */
export async function saveModel(folder: string, { config, weights, tokenizer }: Model): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'config.json'), configJson(config));
  await writeFile(join(folder, 'tokenizer.json'), tokenizerJson(tokenizer));
  await writeSafetensors(join(folder, 'model.safetensors'), weights, { format: 'pt' });
}
