/**
 * Both ways with the Transformers of today: checkpoints that it makes are computed alike here, and what is written here
 * loads there with equal logits. Needs a Python with torch and transformers (MOFT_TEST_TRANSFORMERS).
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEngine } from '../../stages/backend/engine.js';
import {
  architectureOf,
  bpeTokenizer,
  disposeTensors,
  forward,
  initialWeights,
  parseConfig,
  readWeights,
  saveModel,
  takeParameters,
  untie,
  type Model,
} from '../../stages/lm/index.js';
import { checkHuggingFaceModel } from '../../stages/lm/oracle.js';
import { Random } from '../../stages/random.js';
import { randomTexts } from './support.js';

const python = process.env.MOFT_TEST_TRANSFORMERS;
if (python === undefined)
  console.warn(
    'SKIPPED: MOFT_TEST_TRANSFORMERS names no Python with torch and transformers: parity is not checked',
  );

const script = fileURLToPath(new URL('./parity.py', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'moft-parity-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function run(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(python ?? '', [script, ...args], { encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  return stdout;
}

const texts = ['police said on monday that a fire damaged a warehouse .', "Ünïcode 2019, don't  stop ☃"];
const tokenizer = bpeTokenizer([...texts, ...texts], { vocabulary: 320, reserved: ['<weight:1>'] });

/** A folder as moft writes it, with what moft computes beside it. */
async function save(name: string, model: Model): Promise<string> {
  const folder = join(scratch, 'written', name);
  const ids = randomTexts(2, 9, 97, 3);
  const encodes = architectureOf(model.config).encoder !== undefined;
  const decoded = randomTexts(2, 6, 97, 4);
  const input = encodes ? { ids: decoded, sources: ids } : { ids };
  const logits = forward(model.config, model.weights, input, { training: false });
  await saveModel(folder, model);
  const lists = (rows: readonly Int32Array[]): number[][] => rows.map((row) => [...row]);
  writeFileSync(
    join(folder, 'moft.json'),
    JSON.stringify({
      ids: lists(ids),
      ...(encodes ? { decoded: lists(decoded) } : {}),
      logits: logits.arraySync(),
      texts,
    }),
  );
  logits.dispose();
  return folder;
}

describe.skipIf(python === undefined)('with Transformers', () => {
  beforeAll(async () => {
    await startEngine('wasm');
    run('make', join(scratch, 'made'));
  }, 300_000);

  it('computes alike what it saved, in single and half precision, whole and in shards, in both spellings', async () => {
    const names = readdirSync(join(scratch, 'made'));
    expect(names).toHaveLength(7);
    for (const name of names) {
      for (const { group, error, tolerance } of await checkHuggingFaceModel(join(scratch, 'made', name)))
        expect(error, `${name} ${group}`).toBeLessThanOrEqual(tolerance);
    }
  });

  it('writes what it loads with equal logits and tokens', async () => {
    const folders: string[] = [];
    for (const name of readdirSync(join(scratch, 'made'))) {
      const find = (file: string): string | undefined => {
        const path = join(scratch, 'made', name, file);
        return existsSync(path) ? path : undefined;
      };
      const written = parseConfig(readFileSync(find('config.json') ?? '', 'utf8'), name);
      const { weights: tensors, path } = await readWeights(find);
      const { config, weights } = takeParameters(written, tensors, path);
      folders.push(await save(name, { config, weights, tokenizer }));
      const own = untie(config, weights);
      folders.push(await save(`${name} untied`, { ...own, tokenizer }));
      // From nothing, with the vocabulary of its tokenizer.
      const grown = { ...config, vocab_size: tokenizer.vocabulary.length };
      const fresh = initialWeights(grown, new Random(1, 'fresh'));
      folders.push(await save(`${name} fresh`, { config: grown, weights: fresh, tokenizer }));
      for (const set of [weights, own.weights, fresh]) disposeTensors(set);
    }
    const found = run('check', ...folders)
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(found).toHaveLength(folders.length);
    for (const { folder, dtype, missing, unexpected, error, tokens } of found) {
      const at = String(folder);
      expect({ at, dtype, missing, unexpected }).toEqual({
        at,
        dtype: 'torch.float32',
        missing: [],
        unexpected: [],
      });
      expect(error, at).toBeLessThanOrEqual(1e-4);
      expect(tokens, at).toEqual(texts.map((text) => [...tokenizer.encode(text)]));
    }
  }, 300_000);
});
