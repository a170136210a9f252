import { readdir } from 'node:fs/promises';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { ArtifactRef } from '../../runner/contract.js';
import { conditioningNames } from '../../schemas/conditionings.js';
import { startEngine } from '../../stages/backend/engine.js';
import {
  languageModel,
  parameterShapes,
  SOFT_TOKENS,
  type MaskedTokenizer,
  type Model,
} from '../../stages/lm/index.js';
import type { LanguageModel } from '../../stages/lm/types.js';
import { conditioningMethod } from '../../stages/policy/conditioning/index.js';
import { initialPolicy, unconditioned } from '../../stages/policy/initial-policy.js';
import { materialize } from '../../stages/policy/merge.js';
import { saveMergedModel } from '../../stages/policy/merged-model.js';
import { openModel } from '../../stages/policy/open-model.js';
import {
  longestWriting,
  mixtureAt,
  parameterPolicy,
  writtenAt,
} from '../../stages/policy/parameter-policy.js';
import { soupOf } from '../../stages/policy/soup.js';
import {
  conditionedParameters,
  loadPolicy,
  savePolicy,
  type StoredPolicy,
} from '../../stages/policy/stored-policy.js';
import { manifestOf, moved, movedPolicy, tinyModel, valuesOf } from './tiny.js';

beforeAll(() => startEngine('wasm'));

/** Log-probabilities of a few responses: two models with the same ones are the same for every purpose here. */
function opinion(model: LanguageModel, tokenizer: MaskedTokenizer): number[] {
  const prompt = Int32Array.of(...tokenizer.encode('a b'), tokenizer.sep);
  const responses = ['a', 'b a', 'a a b'].map((text) =>
    Int32Array.of(...tokenizer.encode(text), tokenizer.eos),
  );
  const scores = model.score(
    responses.map(() => prompt),
    responses,
  );
  return Array.from(scores.dataSync<'float32'>());
}

async function opinionAt(stored: StoredPolicy, weights: readonly number[], alpha = 0.1): Promise<number[]> {
  const model = await parameterPolicy(stored).at({ alpha, weights });
  return opinion(model, stored.tokenizer);
}

describe('room for a trade-off that is written before the prompt', () => {
  it('is that of the longest, where a tokenizer splits the larger numbers further', async () => {
    const range = [0.02, 0.5] as const;
    const stored = await movedPolicy('prompt', { alpha: { range: [...range] }, referenceShare: 'none' });
    const tokenizer = {
      ...{ ...stored.tokenizer, reserved: new Map<string, number>() },
      encode: (text: string) => new Int32Array(text.length),
    };
    const lengths = range.map(
      (alpha) => writtenAt({ ...stored, tokenizer }, { alpha, weights: [1, 0] }).length,
    );
    expect(lengths[1]).toBeGreaterThan(lengths[0] ?? NaN);
    expect(longestWriting({ ...stored, tokenizer })).toBe(lengths[1]);
  });
});

it.each(['prompt', 'soft-tokens'] as const)(
  '%s puts its tokens behind the token that begins a text, where a prompt has it',
  async (name) => {
    const stored = await movedPolicy(name);
    const { config, tokenizer } = stored;
    const tradeOff = { alpha: 0.1, weights: [0.25, 0.75] };
    const policy = parameterPolicy(stored);
    const answer = Int32Array.of(...tokenizer.encode('b'), tokenizer.eos);
    const text = Int32Array.of(...tokenizer.encode('a b'), tokenizer.sep);
    const prompt = Int32Array.of(tokenizer.bos, ...text);
    const merged = materialize(conditionedParameters(stored), mixtureAt(stored, tradeOff));
    const plain = languageModel(config, merged.weights, tokenizer, { keepWeights: true });
    const behind = Int32Array.of(tokenizer.bos, ...writtenAt(stored, tradeOff), ...text);
    const wanted = plain.score([behind], [answer]).dataSync();
    for (const model of [await policy.at(tradeOff), await policy.atRows?.([tradeOff])])
      model
        ?.score([prompt], [answer])
        .dataSync()
        .forEach((value, i) => expect(value).toBeCloseTo(wanted[i] ?? NaN, 5));
  },
);

describe('conditionings', () => {
  it('choose S: everything, the attention projections, the last layer, nothing', async () => {
    const { config } = tinyModel();
    const all = Object.keys(parameterShapes({ ...config, tie_word_embeddings: false }));
    const chosen = async (name: (typeof conditioningNames)[number]): Promise<string[]> => {
      const method = await conditioningMethod(name);
      return all.filter((parameter) => method.conditions(parameter));
    };
    expect(await chosen('full')).toEqual(all);
    expect(await chosen('attention')).toEqual([
      'transformer.h.0.attn.c_attn.weight',
      'transformer.h.0.attn.c_attn.bias',
      'transformer.h.0.attn.c_proj.weight',
      'transformer.h.0.attn.c_proj.bias',
    ]);
    expect(await chosen('logits')).toEqual(['lm_head.weight']);
    for (const name of ['lora', 'svd-lora', 'prompt', 'soft-tokens'] as const)
      expect(await chosen(name)).toEqual([]);
    const soft = await movedPolicy('soft-tokens');
    expect(soft.copies.map((copy) => Object.keys(copy))).toEqual([[SOFT_TOKENS], [SOFT_TOKENS]]);
  });

  it.each(conditioningNames)('%s starts at the reference at every trade-off', async (name) => {
    const model = tinyModel();
    const expected = opinion(
      languageModel(model.config, model.weights, model.tokenizer, { keepWeights: true }),
      model.tokenizer,
    );
    const start = initialPolicy(model, manifestOf(name), { method: await conditioningMethod(name), seed: 0 });
    if (name === 'prompt' || name === 'soft-tokens') {
      // Tokens shift the prompt: only the parameters start at the reference.
      const { [SOFT_TOKENS]: soft, ...rest } = valuesOf(start.reference);
      expect(valuesOf(start.shared)).toEqual(rest);
      for (const copy of start.copies) expect(valuesOf(copy)).toEqual({ [SOFT_TOKENS]: soft });
      return;
    }
    (await opinionAt(start, [0.3, 0.7])).forEach((value, i) =>
      expect(value).toBeCloseTo(expected[i] ?? NaN, 4),
    );
  });

  it('logits unties: the input embedding is shared, the head is kept once an objective', async () => {
    const policy = await movedPolicy('logits');
    expect(policy.config.tie_word_embeddings).toBe(false);
    expect(policy.copies.map((copy) => Object.keys(copy))).toEqual([['lm_head.weight'], ['lm_head.weight']]);
    expect(Object.keys(policy.shared)).toContain('transformer.wte.weight');
  });

  it.each(conditioningNames)('%s answers differently at the two corners', async (name) => {
    const policy = await movedPolicy(name);
    const [left, right] = [await opinionAt(policy, [1, 0]), await opinionAt(policy, [0, 1])];
    expect(Math.max(...left.map((value, i) => Math.abs(value - (right[i] ?? 0))))).toBeGreaterThan(0.01);
  });

  it('soft-tokens begin as conditioning tokens, or as words where there are none', async () => {
    const method = await conditioningMethod('soft-tokens');
    const begun = (model: Model): number[] => {
      const { reference } = initialPolicy(model, manifestOf('soft-tokens'), { method, seed: 0 });
      const table = reference['transformer.wte.weight']?.arraySync() as number[][];
      const soft = reference[SOFT_TOKENS]?.arraySync() as number[][];
      return soft.map((row) => table.findIndex((other) => other.join() === row.join()));
    };
    const model = tinyModel();
    const reserved = new Set(model.tokenizer.reserved.values());
    const first = begun(model);
    expect(first).toHaveLength(3);
    expect(first.filter((token) => !reserved.has(token))).toEqual([]);
    const bare = { ...tinyModel(), tokenizer: { ...model.tokenizer, reserved: new Map<string, number>() } };
    const words = begun(bare);
    expect(words.filter((token) => token < 0)).toEqual([]);
    expect(words).not.toEqual(first);
  });

  it('prompt writes weights as it is told, and alpha only where it is conditioned', async () => {
    const policy = await movedPolicy('prompt');
    const words = (weights: number[], change: object, alpha = 0.1): string[] => {
      const manifest = { ...policy.manifest, ...change };
      const written = writtenAt({ ...policy, manifest }, { alpha, weights });
      return Array.from(written, (token) => policy.tokenizer.vocabulary[token] ?? '');
    };
    expect(words([0.34, 0.66], {})).toEqual(['<weight:3>', '<weight:7>']);
    expect(words([0.25, 0.75], { spelling: 'percent' }).join('')).toBe(
      '<digit:2><digit:5><digit:%><digit:7><digit:5><digit:%>',
    );
    expect(words([1, 0], { spelling: 'decimals' }).join('')).toBe(
      '<digit:1><digit:.><digit:0><digit:0><digit:0><digit:.><digit:0><digit:0>',
    );
    expect(words([1, 0], { alpha: { range: [0.01, 1] } })).toEqual([
      '<alpha:5>',
      '<weight:10>',
      '<weight:0>',
    ]);
  });
});

describe('a policy on disk', () => {
  it.each(conditioningNames)('answers as before after a round trip (%s)', async (name) => {
    const policy = await movedPolicy(name, name === 'prompt' ? { spelling: 'percent' } : {});
    const artifact = await saved(policy);
    const loaded = await loadPolicy(artifact);
    expect(loaded.manifest).toEqual(policy.manifest);
    expect(await opinionAt(loaded, [0.3, 0.7])).toEqual(await opinionAt(policy, [0.3, 0.7]));
    expect(valuesOf(loaded.reference)).toEqual(valuesOf(policy.reference));
  });

  it('is refused where policy.json is not of a policy', async () => {
    const artifact = await saved(await movedPolicy('logits'));
    const files = { ...artifact.files, 'policy.json': artifact.files?.['config.json'] ?? '' };
    await expect(loadPolicy({ ...artifact, files })).rejects.toThrow(
      'policy.json is not the manifest of a policy',
    );
  });
});

describe('the domain of a policy', () => {
  it.each([
    [{ alpha: 0.2, weights: [0.5, 0.5] }, 'alpha 0.2 is not what the policy was trained for: alpha 0.1'],
    [{ alpha: 0.1, weights: [0.5, 0.6] }, 'weights [0.5, 0.6] are no point of the simplex over left, right'],
    [{ alpha: 0.1, weights: [1] }, 'weights [1] are no point of the simplex'],
    [{ alpha: 0.1, weights: [-0.5, 1.5] }, 'are no point of the simplex'],
  ])('refuses %j', async (tradeOff, message) => {
    const policy = parameterPolicy(await movedPolicy('full'));
    expect(() => policy.at(tradeOff)).toThrow(message);
  });

  it('is a range of alpha where alpha is conditioned, and s moves with it', async () => {
    const stored = await movedPolicy('full', { alpha: { range: [0.02, 0.5] }, referenceShare: 'log' });
    const near = await opinionAt(stored, [1, 0], 0.02);
    const far = await opinionAt(stored, [1, 0], 0.5);
    expect(near).not.toEqual(far);
    expect(() => parameterPolicy(stored).at({ alpha: 0.6, weights: [1, 0] })).toThrow(
      'alpha from 0.02 to 0.5',
    );
  });

  it('is one weighting for an expert', async () => {
    const expert = parameterPolicy(
      await expertOf('left', 5, { objectives: ['left', 'right'], weights: [0.25, 0.75] }),
    );
    expect(() => expert.at({ alpha: 0.1, weights: [1, 0] })).toThrow('trained for: [0.25, 0.75]');
    expect(expert.domain.weights).toEqual([[0.25, 0.75]]);
  });

  it('tells what a trade-off costs', async () => {
    const stored = await movedPolicy('logits');
    const head = 8 * stored.config.vocab_size;
    const cost = parameterPolicy(stored).cost({ alpha: 0.1, weights: [0.5, 0.5] });
    expect(cost.passesPerToken).toBe(1);
    expect(cost.mergeFlops).toBe(2 * 2 * head);
    const shared = Object.values(stored.shared).reduce((sum, tensor) => sum + tensor.size, 0);
    expect(cost.trainedParameters).toBe(shared + 2 * head);
    expect(parameterPolicy(stored).cost({ alpha: 0.1, weights: [1, 0] }).mergeFlops).toBe(2 * head);
  });

  it('counts the reference among what is merged where it has a share', async () => {
    const ranged = { alpha: { range: [0.02, 0.5] as [number, number] }, referenceShare: 'log' as const };
    const stored = await movedPolicy('logits', ranged);
    const head = 8 * stored.config.vocab_size;
    const flops = (alpha: number): number =>
      parameterPolicy(stored).cost({ alpha, weights: [0.5, 0.5] }).mergeFlops;
    expect(flops(0.2)).toBe(2 * 3 * head);
    expect(flops(0.02)).toBe(2 * 2 * head);
  });
});

describe('rewarded soups', () => {
  it('of experts that are the same are that expert', async () => {
    const left = await expertOf('left', 5);
    const soup = soupOf([left, { ...(await expertOf('right', 5)) }]);
    const expected = await opinionAt(left, [1]);
    (await opinionAt(soup, [0.3, 0.7])).forEach((value, i) =>
      expect(value).toBeCloseTo(expected[i] ?? NaN, 4),
    );
  });

  it('are the experts at the corners', async () => {
    const experts = [await expertOf('left', 5), await expertOf('right', 6)] as const;
    const soup = soupOf(experts);
    expect(soup.manifest.objectives).toEqual(['left', 'right']);
    expect(await opinionAt(soup, [1, 0])).toEqual(await opinionAt(experts[0], [1]));
    expect(await opinionAt(soup, [0, 1])).toEqual(await opinionAt(experts[1], [1]));
  });

  it('refuse experts that do not mix', async () => {
    const left = await expertOf('left', 5);
    expect(() => soupOf([left])).toThrow('two experts or more');
    expect(() => soupOf([left, left])).toThrow('have different objectives, found left, left');
    const other = await expertOf('right', 6, { reference: '1'.repeat(64) });
    expect(() => soupOf([left, other])).toThrow('start from one reference');
    const stricter = await expertOf('right', 6, { alpha: { fixed: 0.2 } });
    expect(() => soupOf([left, stricter])).toThrow('have one alpha');
    expect(() => soupOf([left, { ...left, manifest: manifestOf('full') }])).toThrow('trained on one reward');
  });
});

async function expertOf(objective: string, seed: number, change: object = {}): Promise<StoredPolicy> {
  const manifest = {
    ...manifestOf('full'),
    ...{ method: 'soft', conditioning: 'none' as const, objectives: [objective], weights: [1], ...change },
  };
  const start = initialPolicy(tinyModel(), manifest, { method: unconditioned, seed: 0 });
  return Promise.resolve({ ...start, shared: moved(start.shared, seed) });
}

describe('a merged model', () => {
  const inWeights = conditioningNames.filter((name) => name !== 'prompt' && name !== 'soft-tokens');

  it.each(inWeights)('%s: is the policy at that trade-off, as any model is read', async (conditioning) => {
    const ranged = { alpha: { range: [0.02, 0.5] as [number, number] }, referenceShare: 'log' as const };
    const stored = await movedPolicy(conditioning, ranged);
    const expected = await opinionAt(stored, [0.7, 0.3], 0.2);
    const folder = await scratch();
    await saveMergedModel(await saved(stored), { weights: { right: 0.3, left: 0.7 }, alpha: 0.2 }, folder);
    const { config, weights, tokenizer } = await openModel(await artifactOf('model', folder));
    expect(opinion(languageModel(config, weights, tokenizer), tokenizer)).toEqual(expected);
  });

  it('of an expert needs no trade-off', async () => {
    const expert = await expertOf('left', 5);
    const expected = await opinionAt(expert, [1]);
    const folder = await scratch();
    await saveMergedModel(await saved(expert), {}, folder);
    const { config, weights, tokenizer } = await openModel(await artifactOf('model', folder));
    expect(opinion(languageModel(config, weights, tokenizer), tokenizer)).toEqual(expected);
  });

  it.each([
    ['prompt', { weights: { left: 1 } }, 'stands before the prompt and not in the weights'],
    ['soft-tokens', { weights: { left: 1 } }, 'stands before the prompt and not in the weights'],
    ['full', {}, 'needs weights of left, right'],
    ['full', { weights: { lift: 1 } }, 'has no objective "lift"; it has left, right'],
    ['full', { weights: { left: 0.5 } }, 'are no point of the simplex'],
    ['full', { weights: { left: 1 }, alpha: 0.3 }, 'alpha 0.3 is not what the policy was trained for'],
  ] as const)('%s asked for %j is refused', async (conditioning, asked, message) => {
    const policy = await saved(await movedPolicy(conditioning));
    await expect(saveMergedModel(policy, asked, await scratch())).rejects.toThrow(message);
  });
});

async function scratch(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'moft-policy-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function artifactOf(type: ArtifactRef['type'], folder: string): Promise<ArtifactRef> {
  const names = await readdir(folder);
  const files = Object.fromEntries(names.map((name) => [name, join(folder, name)]));
  return { type, digest: '0'.repeat(64), path: folder, files };
}

async function saved(policy: StoredPolicy): Promise<ArtifactRef> {
  const folder = await scratch();
  await savePolicy(folder, policy);
  return artifactOf('policy', folder);
}
