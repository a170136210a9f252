/**
 * What `moft export` writes, loaded as anybody would load it: AutoModelForCausalLM and AutoTokenizer. Compared with what
 * the policies of the store compute here. Needs a Python with torch and transformers (MOFT_TEST_TRANSFORMERS).
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEngine } from '../../stages/backend/engine.js';
import { forward, greedy, languageModel, loadModel } from '../../stages/lm/index.js';
import type { ModelConfig } from '../../stages/lm/config.js';
import type { LanguageModel, NamedTensors, Tokenizer } from '../../stages/lm/types.js';
import { materialize } from '../../stages/policy/merge.js';
import { mixtureAt, parameterPolicy } from '../../stages/policy/parameter-policy.js';
import { conditionedParameters, loadPolicy } from '../../stages/policy/stored-policy.js';
import { folderArtifact } from '../kinds/run.js';
import { largestDifference } from '../lm/support.js';
import { productIn } from './product.js';

const python = process.env.MOFT_TEST_TRANSFORMERS;
if (python === undefined)
  console.warn(
    'SKIPPED: MOFT_TEST_TRANSFORMERS names no Python with torch and transformers: exports are not loaded',
  );

const folder = mkdtempSync(join(tmpdir(), 'moft-exported-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const moft = productIn(folder);

const pipeline = `name: p
stages:
  news: { uses: data/news, with: { size: small, documents: 64 } }
  reference:
    uses: sft
    with: { data: $news.train, model: { width: 16, heads: 2, context: 64 }, steps: 60, batch: 8, learning_rate: 0.02 }
  pairs:
    uses: sft
    with:
      { data: $news.train, tokenizer: { bpe: { vocabulary: 320 } }, model: { width: 8, heads: 2, context: 256 },
        steps: 8, batch: 2, learning_rate: 0.02 }
  expert:
    uses: soft
    matrix: { reward: [nli, rouge] }
    with:
      { reference: $reference.model, prompts: $news.train, rewards: $matrix.reward, alpha: 0.1, steps: 3, batch: 1,
        samples: 2, max_tokens: 12, learning_rate: 0.002 }
  soup: { uses: rewarded-soup, with: { experts: $expert(reward=*).policy } }
  clp:
    uses: clp
    with:
      { reference: $reference.model, prompts: $news.train, rewards: [nli, rouge], conditioning: full,
        sampling: { alpha: 0.1 }, steps: 3, batch: 1, samples: 2, max_tokens: 12, learning_rate: 0.002 }
`;

/** `rouge=.3` as a person writes it. */
const weights = { list: 'nli=.7,rouge=.3', point: [0.7, 0.3] };
const texts = [
  'Police said on Monday that a FIRE damaged a warehouse.',
  "Ünïcode 2019, don't  stop ☃ <sep> ok",
];
const asked = {
  texts,
  prompts: ['police said a fire damaged a warehouse .', 'the bank raised rates after the storm .'],
  most: 12,
};

interface Answered {
  readonly folder: string;
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  readonly texts: readonly (readonly number[])[];
  readonly prompts: readonly (readonly number[])[];
  readonly logits: readonly (readonly (readonly number[])[])[];
  readonly greedy: readonly (readonly number[])[];
  readonly said: readonly string[];
  readonly ends: number;
}

/** A model, from the store's own files and not from the exported ones. */
interface Own {
  readonly config: ModelConfig;
  readonly weights: NamedTensors;
  readonly model: LanguageModel;
  readonly tokenizer: Tokenizer;
}

/** A policy at the weights, as fronts ask it. */
async function policyIn(name: string): Promise<Own> {
  const stored = await loadPolicy(await folderArtifact('policy', join(folder, name)));
  const tradeOff = { alpha: 0.1, weights: weights.point };
  const merged = materialize(conditionedParameters(stored), mixtureAt(stored, tradeOff));
  const model = await parameterPolicy(stored).at(tradeOff);
  return { config: stored.config, weights: merged.weights, model, tokenizer: stored.tokenizer };
}

async function modelIn(name: string): Promise<Own> {
  const { files } = await folderArtifact('model', join(folder, name));
  const { config, weights: found, tokenizer } = await loadModel((file) => files?.[file]);
  return { config, weights: found, model: languageModel(config, found, tokenizer), tokenizer };
}

function logitsOf({ config, weights: found, tokenizer }: Own, text: string): Float32Array {
  const logits = forward(config, found, { ids: [tokenizer.encodePrompt(text)] }, { training: false });
  const values = logits.dataSync<'float32'>();
  logits.dispose();
  return values;
}

function exported(...args: readonly string[]): void {
  const { status, stderr } = moft('export', ...args);
  expect(status, stderr).toBe(0);
}

describe.skipIf(python === undefined)('a model that was exported', () => {
  const found = new Map<string, Answered>();

  beforeAll(async () => {
    writeFileSync(join(folder, 'package.json'), '{}');
    writeFileSync(join(folder, 'p.yaml'), pipeline);
    const ran = moft('run', 'p.yaml');
    expect(ran.status, ran.stderr).toBe(0);
    for (const name of ['reference', 'pairs']) exported(name, '-o', name);
    for (const name of ['clp', 'soup']) {
      exported(name, '-o', `${name}-policy`);
      exported(name, '-o', name, '--weights', weights.list);
    }
    writeFileSync(join(folder, 'asked.json'), JSON.stringify(asked));
    const script = join(import.meta.dirname, 'load-exported.py');
    const folders = ['reference', 'pairs', 'clp', 'soup'].map((name) => join(folder, name));
    const { status, stdout, stderr } = spawnSync(python ?? '', [script, ...folders], { encoding: 'utf8' });
    expect(status, stderr).toBe(0);
    for (const line of stdout.trim().split('\n')) {
      const answered = JSON.parse(line) as Answered;
      found.set(answered.folder, answered);
    }
    await startEngine('wasm');
  }, 300_000);

  it.each([
    ['reference', () => modelIn('reference')],
    ['pairs', () => modelIn('pairs')],
    ['clp', () => policyIn('clp-policy')],
    ['soup', () => policyIn('soup-policy')],
  ])('%s says in Transformers what it says here', async (name, open) => {
    const own = await open();
    const { tokenizer, model } = own;
    const theirs = found.get(name);
    expect(theirs).toMatchObject({ missing: [], unexpected: [], ends: tokenizer.eos });
    expect(theirs?.texts).toEqual(texts.map((text) => [...tokenizer.encode(text)]));
    const prompts = asked.prompts.map((text) => tokenizer.encodePrompt(text));
    expect(theirs?.prompts).toEqual(prompts.map((prompt) => [...prompt]));
    asked.prompts.forEach((text, i) => {
      const logits = (theirs?.logits[i] ?? []).flat();
      expect(largestDifference(logitsOf(own, text), logits)).toBeLessThan(1e-4);
    });
    // Trained away from where it started: the reference would not pass for it.
    if (['clp', 'soup'].includes(name)) {
      const [start, moved] = [found.get('reference'), theirs].map((at) => (at?.logits[0] ?? []).flat());
      expect(largestDifference(start ?? [], moved ?? [])).toBeGreaterThan(1e-3);
    }
    const said = prompts.map((prompt) => greedy(model, [prompt], asked.most, tokenizer.eos)[0] ?? []);
    expect(theirs?.greedy).toEqual(said.map((tokens) => [...tokens]));
    expect(theirs?.said).toEqual(said.map((tokens) => tokenizer.decode(tokens)));
    expect(Math.max(...said.map((tokens) => tokens.length))).toBeGreaterThan(3);
  });
});
