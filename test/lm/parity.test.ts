/**
 * Both ways with the Transformers of today: checkpoints that it makes are computed alike here, and what is written here
 * loads there with equal logits. Needs a Python with torch, transformers and peft (MOFT_TEST_TRANSFORMERS).
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEngine } from '../../stages/backend/engine.js';
import {
  adapted,
  adaptersOf,
  architectureOf,
  bpeTokenizer,
  disposeTensors,
  forward,
  freshFactors,
  initialWeights,
  languageModel,
  loadAdapter,
  mapTensors,
  parseConfig,
  readWeights,
  saveAdapter,
  saveModel,
  takeParameters,
  untie,
  type Adapter,
  type Model,
} from '../../stages/lm/index.js';
import { filtered, type Filter } from '../../stages/lm/filter.js';
import { checkHuggingFaceModel } from '../../stages/lm/oracle.js';
import type { NamedTensors } from '../../stages/lm/types.js';
import { Random } from '../../stages/random.js';
import { largestDifference, randomTexts } from './support.js';

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

/** A folder as moft writes it, with what moft computes, by adapted weights where there are any, beside it. */
async function save(name: string, model: Model, adapter?: Adapter): Promise<string> {
  const folder = join(scratch, 'written', name);
  const ids = randomTexts(2, 9, 97, 3);
  const encodes = architectureOf(model.config).encoder !== undefined;
  const decoded = randomTexts(2, 6, 97, 4);
  const input = encodes ? { ids: decoded, sources: ids } : { ids };
  const logits = forward(model.config, adaptedWeights(model, adapter), input, { training: false });
  await saveModel(folder, model);
  if (adapter) await saveAdapter(join(folder, 'adapter'), model.config, adapter);
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

function adaptedWeights({ weights }: Pick<Model, 'weights'>, adapter?: Adapter): NamedTensors {
  if (!adapter) return weights;
  const parts = [{ share: 1, factors: adapter.factors }];
  return { ...weights, ...adapted(weights, adapter.adapters, parts) };
}

/** A checkpoint that Transformers saved. */
async function read(name: string): Promise<Pick<Model, 'config' | 'weights'>> {
  const find = (file: string): string | undefined => {
    const path = join(scratch, 'made', name, file);
    return existsSync(path) ? path : undefined;
  };
  const written = parseConfig(readFileSync(find('config.json') ?? '', 'utf8'), name);
  const { weights, path } = await readWeights(find);
  return takeParameters(written, weights, path);
}

const adaptedCheckpoints = ['gpt2-untied', 'llama3-v4', 't5-deep'];

/** As generate() takes them. */
type Settings = Readonly<Partial<Record<'temperature' | 'top_k' | 'top_p' | 'min_p', number>>>;

function ownNames({ temperature = 1, top_k: topK = 0, top_p: topP = 1, min_p: minP = 0 }: Settings): Filter {
  return { temperature, topK, topP, minP };
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

  it('draws from what it draws from: temperature, top-k, top-p and min-p, alone and together', async () => {
    const names = readdirSync(join(scratch, 'made')).filter((name) => !name.startsWith('t5'));
    expect(names).toHaveLength(5);
    for (const name of names) {
      const json = (file: string): unknown =>
        JSON.parse(readFileSync(join(scratch, 'made', name, file), 'utf8')) as unknown;
      const { input_ids: ids } = json('expected.json') as { input_ids: number[][] };
      const { config, weights } = await read(name);
      const model = languageModel(config, weights, { masked: new Int32Array() });
      const logProbs = model.next(model.start([Int32Array.from(ids[0] ?? [])])).dataSync<'float32'>();
      model.dispose();
      const rows = json('filtered.json') as { filter: Settings; probabilities: number[] }[];
      expect(rows).toHaveLength(6);
      for (const { filter, probabilities } of rows) {
        const at = `${name} ${JSON.stringify(filter)}`;
        const found = [...filtered(logProbs, ownNames(filter))];
        expect(
          found.map((p) => p > 0),
          at,
        ).toEqual(probabilities.map((p) => p > 0));
        expect(largestDifference(found, probabilities), at).toBeLessThan(1e-5);
      }
    }
  });

  it('computes with adapters of PEFT what PEFT computes', async () => {
    for (const name of adaptedCheckpoints) {
      const folder = join(scratch, 'made', name);
      const { config, weights } = await read(name);
      const adapter = await loadAdapter((file) => join(folder, 'adapter', file), config);
      const json = (file: string): unknown => JSON.parse(readFileSync(join(folder, file), 'utf8')) as unknown;
      const given = json('expected.json') as Record<string, number[][]>;
      const rows = (field: string): Int32Array[] => (given[field] ?? []).map((row) => Int32Array.from(row));
      // A padded source is its own length.
      const sources = rows('input_ids').map((row, b) =>
        row.filter((_, t) => given['attention_mask']?.[b]?.[t] !== 0),
      );
      const input = given['decoder_input_ids']
        ? { ids: rows('decoder_input_ids'), sources }
        : { ids: rows('input_ids') };
      const found = forward(config, adaptedWeights({ weights }, adapter), input, { training: false });
      const wanted = (json('adapted.json') as number[][][]).flat(2);
      expect(largestDifference(found.dataSync(), wanted), name).toBeLessThan(1e-4);
      const without = forward(config, weights, input, { training: false });
      expect(largestDifference(without.dataSync(), wanted), name).toBeGreaterThan(0.01);
    }
  });

  it('writes what it loads with equal logits and tokens', async () => {
    const folders: string[] = [];
    for (const name of readdirSync(join(scratch, 'made'))) {
      const { config, weights } = await read(name);
      folders.push(await save(name, { config, weights, tokenizer }));
      const own = untie(config, weights);
      folders.push(await save(`${name} untied`, { ...own, tokenizer }));
      // From nothing, with the vocabulary of its tokenizer.
      const grown = { ...config, vocab_size: tokenizer.vocabulary.length };
      const fresh = initialWeights(grown, new Random(1, 'fresh'));
      folders.push(await save(`${name} fresh`, { config: grown, weights: fresh, tokenizer }));
      if (adaptedCheckpoints.includes(name)) {
        const adapters = adaptersOf(config, { rank: 3, alpha: 7, targets: 'all' });
        const factors = freshFactors(adapters, new Random(2, 'adapter'));
        const moved = mapTensors(factors, (tensor) => tensor.add(0.05));
        folders.push(
          await save(`${name} adapted`, { config, weights, tokenizer }, { adapters, factors: moved }),
        );
      }
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
