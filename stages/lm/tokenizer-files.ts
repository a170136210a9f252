/** A tokenizer on disk: tokenizer.json, and what may stand beside it. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StageFailure } from '../../runner/contract.js';
import type { ModelConfig } from './config.js';
import { SETTINGS, SPECIAL_TOKENS, TEMPLATE, TOKENIZER, subwordTokenizer } from './subword-tokenizer.js';
import { isWordLevel, parseTokenizer, type MaskedTokenizer } from './tokenizer.js';
import type { FindFile } from './weights-files.js';

/** How Transformers generates; kept for it. */
const GENERATION = 'generation_config.json';

/** Words of our own, or any other by the library. Files that don't fit the model are a StageFailure. */
export async function readTokenizer(find: FindFile, config: ModelConfig): Promise<MaskedTokenizer> {
  const path = find(TOKENIZER);
  if (path === undefined) throw noTokenizer(find);
  const files: Record<string, string> = {};
  for (const name of [TOKENIZER, SETTINGS, SPECIAL_TOKENS, TEMPLATE, GENERATION]) {
    const file = find(name);
    if (file !== undefined) files[name] = await readFile(file, 'utf8');
  }
  const text = files[TOKENIZER] ?? '';
  if (!isWordLevel(text))
    return subwordTokenizer({
      files,
      path,
      model: { ...config, ids: specialIds(config), ends: endsOf(config) },
    });
  const tokenizer = parseTokenizer(text, path);
  if (tokenizer.vocabulary.length === config.vocab_size) return tokenizer;
  throw new StageFailure(
    'user',
    'model-mismatch',
    `${path} has ${tokenizer.vocabulary.length} tokens, config.json says ${config.vocab_size}`,
  );
}

function noTokenizer(find: FindFile): StageFailure {
  const older = ['spiece.model', 'tokenizer.model', 'vocab.json'].find((name) => find(name) !== undefined);
  const hint = older === undefined ? '' : `; it has ${older}: load it in Transformers and save it again`;
  return new StageFailure('user', 'tokenizer', `the model has no ${TOKENIZER}${hint}`);
}

/** All tokens that end a text, by config.json: one, or a list. */
export function endsOf(config: ModelConfig): readonly number[] {
  const ends: unknown = (config as { readonly eos_token_id?: unknown }).eos_token_id;
  return [ends].flat().filter((end) => typeof end === 'number');
}

/** Of several tokens that end a text the first. */
function specialIds(config: ModelConfig): Readonly<Record<'bos' | 'eos' | 'pad', number | undefined>> {
  const of = (name: string): number | undefined => {
    const value = (config as unknown as Readonly<Record<string, unknown>>)[`${name}_token_id`];
    return typeof value === 'number' ? value : undefined;
  };
  return { bos: of('bos'), eos: endsOf(config)[0], pad: of('pad') };
}

export async function writeTokenizer(
  folder: string,
  { files }: Pick<MaskedTokenizer, 'files'>,
): Promise<void> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
}
