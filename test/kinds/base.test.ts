/** Models of Hugging Face folders through the kinds: finetuned, conditioned, sampled, with their own tokenizers. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ArtifactRef } from '../../runner/contract.js';
import { conditioningNames } from '../../schemas/conditionings.js';
import { writeDataset } from '../../stages/data/dataset.js';
import { startEngine } from '../../stages/backend/engine.js';
import { tf } from '../../stages/backend/tf.js';
import clp from '../../stages/kinds/clp.js';
import front from '../../stages/kinds/front.js';
import sft from '../../stages/kinds/sft.js';
import soft from '../../stages/kinds/soft.js';
import {
  bpeTokenizer,
  disposeTensors,
  greedy,
  initialWeights,
  languageModel,
  parseConfig,
  sample,
  saveModel,
} from '../../stages/lm/index.js';
import { openModel } from '../../stages/policy/open-model.js';
import { Random } from '../../stages/random.js';
import { folderArtifact, output, runKind } from './run.js';

const texts = ['police said on monday that a fire damaged a warehouse in arden .', 'north : faulty wiring .'];
const tokenizer = bpeTokenizer([...texts, ...texts], { vocabulary: 320, reserved: [] });
const sizes = { vocab_size: tokenizer.vocabulary.length + 3, eos_token_id: tokenizer.eos };

const configs = {
  llama: {
    ...sizes,
    model_type: 'llama',
    hidden_size: 8,
    intermediate_size: 12,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    max_position_embeddings: 512,
    initializer_range: 0.3,
  },
  t5: {
    ...sizes,
    model_type: 't5',
    d_model: 8,
    d_kv: 4,
    d_ff: 12,
    num_layers: 1,
    num_heads: 2,
    dropout_rate: 0.1,
    initializer_factor: 0.5,
    scale_decoder_outputs: true,
  },
};
const families = Object.keys(configs) as (keyof typeof configs)[];

const rewards = ['rouge-l', 'brevity'];

let scratch: string;
let data: ArtifactRef;
beforeAll(async () => {
  await startEngine('wasm');
  scratch = await mkdtemp(join(tmpdir(), 'moft-base-'));
  const rows = ['fire', 'wiring', 'police', 'arden'].map((response, i) => {
    const prompt = `${texts[i % 2]} ${i}`;
    return { id: `row-${i}`, prompt, response, references: [response] };
  });
  await writeDataset(join(scratch, 'data'), { rows });
  data = await folderArtifact('dataset', join(scratch, 'data'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

async function folderOf(family: keyof typeof configs): Promise<ArtifactRef> {
  const path = join(scratch, family);
  const config = parseConfig(JSON.stringify(configs[family]), family);
  const weights = initialWeights(config, new Random(0, family));
  await saveModel(path, { config, weights, tokenizer });
  disposeTensors(weights);
  return folderArtifact('model', path);
}

describe.each(families)('a folder of %s', (family) => {
  let tuned: ArtifactRef;

  it('is finetuned from its weights, with its tokenizer', async () => {
    const base = await folderOf(family);
    const ran = await runKind(sft, {
      with: { steps: 12, batch: 4, learning_rate: 0.02, log_every: 1 },
      inputs: { data: data, validation: data, base },
    });
    tuned = output(ran, 'model');
    const losses = ran.events.flatMap((event) =>
      event.type === 'metric' && event.name === 'loss' ? [event.value] : [],
    );
    expect(losses.at(-1)).toBeLessThan(0.95 * (losses[0] ?? NaN));
    expect(ran.metric('eval/loss')).toBeGreaterThan(0);
    const [before, after] = [await openModel(base), await openModel(tuned)];
    expect(after.config).toMatchObject(configs[family]);
    expect(after.tokenizer.files).toEqual(before.tokenizer.files);
    // The rows of the embedding that stand for no token are never said.
    expect([...after.tokenizer.masked].slice(-3)).toEqual(
      [0, 1, 2].map((i) => tokenizer.vocabulary.length + i),
    );
    for (const { weights } of [before, after]) disposeTensors(weights);
  });

  it('is adapted by lora and leaves nothing behind', async () => {
    const base = await folderOf(family);
    const held = tf.memory().numTensors;
    await runKind(sft, {
      with: { steps: 1, batch: 2, lora: { rank: 2 } },
      inputs: { data, validation: data, base },
    });
    expect(tf.memory().numTensors).toBe(held);
  });

  it('samples with its cache what it scores, and leaves nothing behind', async () => {
    const { config, weights, tokenizer: own } = await openModel(tuned);
    const held = tf.memory().numTensors;
    const model = languageModel(config, weights, own, { keepWeights: true });
    const prompts = texts.map((text) => own.encodePrompt(text));
    const random = (row: number): Random => new Random(row, 'base');
    const drawn = sample(model, { prompts, samples: 3, maxTokens: 8, eos: own.eos, random });
    const rows = drawn.groups.flatMap(({ prompt, responses }) =>
      responses.map((response) => ({ prompt, response })),
    );
    const scored = model.score(
      rows.map(({ prompt }) => prompt),
      rows.map(({ response }) => response),
    );
    const found = scored.arraySync();
    rows.forEach((_, r) =>
      drawn.logProbs[r]?.forEach((logProb, t) => expect(found[r]?.[t]).toBeCloseTo(logProb, 4)),
    );
    expect(greedy(model, prompts, 4, own.eos)).toHaveLength(2);
    scored.dispose();
    model.dispose();
    expect(tf.memory().numTensors).toBe(held);
    disposeTensors(weights);
  });

  it.each(conditioningNames)('is conditioned (%s) and asked for a front', async (conditioning) => {
    const ran = await runKind(clp, {
      with: {
        steps: 1,
        batch: 1,
        samples: 2,
        max_tokens: 6,
        trade_offs: 2,
        rewards,
        conditioning,
      },
      inputs: { reference: tuned, prompts: data },
    });
    expect(ran.metric('grad_norm')).toBeGreaterThan(0);
    const asked = await runKind(front, {
      with: { grid: { weights: { simplex: 2 } }, samples: 1, max_tokens: 6, shown: 0 },
      inputs: { policy: output(ran, 'policy'), prompts: data },
    });
    expect(await asked.json('front', 'front.json')).toMatchObject({ objectives: rewards });
  });
});

describe('a base', () => {
  it('goes with nothing that says how a model is built', () => {
    const values = { model: { width: 8, heads: 2 }, vocabulary: 4096, tokenizer: 'words' };
    expect(sft.check?.(values, { base: {} }).map(({ path }) => path)).toEqual([['model']]);
  });
});

describe('prompts that no reward can score', () => {
  it('are refused by what trains and by what measures, with the name of the reward', async () => {
    const reference = await folderOf('llama');
    const policy = output(
      await runKind(soft, {
        with: { steps: 1, batch: 1, samples: 2, max_tokens: 4, rewards: ['rouge-l', 'brevity'] },
        inputs: { reference, prompts: data },
      }),
      'policy',
    );
    await writeDataset(join(scratch, 'bare'), { rows: texts.map((prompt, i) => ({ id: `${i}`, prompt })) });
    const prompts = await folderArtifact('dataset', join(scratch, 'bare'));
    const silent = /the reward "rouge-l" scores none of the 2 prompts/;
    await expect(
      runKind(soft, { with: { steps: 1, rewards: ['rouge-l', 'brevity'] }, inputs: { reference, prompts } }),
    ).rejects.toThrow(silent);
    await expect(
      runKind(front, { with: { samples: 1, max_tokens: 4 }, inputs: { policy, prompts } }),
    ).rejects.toThrow(silent);
  });
});

describe('a vocabulary that is too small', () => {
  const learnt = (vocabulary: number) =>
    runKind(sft, {
      with: { model: { width: 8, heads: 2, context: 64 }, steps: 1, batch: 2, vocabulary },
      inputs: { data },
    });
  const warnings = ({ events }: Awaited<ReturnType<typeof learnt>>) =>
    events.flatMap((event) => (event.type === 'log' && event.level === 'warning' ? [event.text] : []));

  it('is said, with the share of the words that are learnt as unknown', async () => {
    const small = await learnt(45);
    expect(small.metric('unknown_share')).toBeGreaterThan(0.1);
    expect(warnings(small)).toEqual([expect.stringMatching(/% of the tokens are words that the tokenizer/)]);
    const large = await learnt(4096);
    expect(large.metric('unknown_share')).toBe(0);
    expect(warnings(large)).toEqual([]);
  });
});

describe('byte pairs', () => {
  it('are trained from the data where asked for', async () => {
    const ran = await runKind(sft, {
      with: {
        model: { width: 8, layers: 1, heads: 2, context: 512 },
        steps: 1,
        batch: 2,
        tokenizer: { bpe: { vocabulary: 340 } },
      },
      inputs: { data: data },
    });
    const { config, tokenizer: own, weights } = await openModel(output(ran, 'model'));
    disposeTensors(weights);
    expect(config.vocab_size).toBe(340);
    expect(own.reserved.size).toBeGreaterThan(0);
    expect(own.decode(own.encode('Ünseen wörds ☃'))).toBe('Ünseen wörds ☃');
  });
});
