/** An encoder-decoder in an exact world: every valid string of several items at once, in bounded memory. */
import { beforeAll, expect, it } from 'vitest';
import { startEngine } from '../../stages/backend/engine.js';
import { buildTokenizer, initialWeights, languageModel, parseConfig } from '../../stages/lm/index.js';
import { boundedPasses } from '../../stages/lm/forest.js';
import { Random } from '../../stages/random.js';
import { exactAt, listPrompts } from '../../stages/rl/exact-evaluation.js';
import { encodePrompts } from '../../stages/rl/prompts.js';
import { drawNews } from '../../stages/worlds/news/draw.js';
import { openWorld } from '../../stages/worlds/news/world.js';
import { largestDifference, tokens } from './support.js';

beforeAll(() => startEngine('wasm'));

it('groups are split among trees of a bounded length, in their order', () => {
  const response = (length: number): Int32Array => new Int32Array(length).fill(4);
  const lengths = [60, 60, 60, 200, 1];
  const many = Array.from({ length: 20 }, () => ({ prompt: tokens(1), responses: lengths.map(response) }));
  const passes = boundedPasses(many, { treeTokens: 128, trees: 16, tokens: Infinity });
  expect(passes.flat().flatMap(({ responses }) => responses.map(({ length }) => length))).toEqual(
    many.flatMap(() => lengths),
  );
  expect(passes.map((pass) => pass.length)).toEqual([16, 16, 16, 16, 16]);
  expect(passes[0]?.slice(0, 4).map(({ responses }) => responses.length)).toEqual([2, 1, 1, 1]);
});

it('scores all valid strings of eight items, as each alone, and has a value below the optimum', () => {
  const rows = drawNews({ size: 'small', seed: 0, counts: { train: 8 } })['train'] ?? [];
  const tokenizer = buildTokenizer(rows.flatMap(({ prompt, response = '' }) => [prompt, response]));
  const config = parseConfig(
    JSON.stringify({
      ...{ model_type: 't5', vocab_size: tokenizer.vocabulary.length, d_model: 16, d_kv: 4, d_ff: 24 },
      ...{ num_layers: 2, num_heads: 4, relative_attention_num_buckets: 8 },
    }),
    't5',
  );
  const modelOf = (seed: number): ReturnType<typeof languageModel> =>
    languageModel(config, initialWeights(config, new Random(seed, 't5')), tokenizer);
  const [reference, policy] = [modelOf(0), modelOf(1)];
  const prompts = encodePrompts(rows, tokenizer, { context: Infinity, before: 0, maxTokens: 20 });
  const world = openWorld({ kappa: 0.75, size: 'small', seed: 0 });
  const listing = { world, objectives: ['nli', 'rouge'], tokenizer, reference };
  const listed = listPrompts(prompts, listing);
  expect(listed.every(({ strings }) => strings.length > 100)).toBe(true);

  const all = listed.flatMap(({ tokens: prompt, strings }) => strings.map((string) => ({ prompt, string })));
  const score = (some: typeof all): number[][] =>
    policy
      .score(
        some.map(({ prompt }) => prompt),
        some.map(({ string }) => string),
      )
      .arraySync();
  const together = score(all);
  for (const row of [0, 57, 130, 500, all.length - 1]) {
    const one = all[row];
    if (!one) throw new Error('fewer strings than expected');
    const [alone = []] = score([one]);
    expect(largestDifference(alone, (together[row] ?? []).slice(0, alone.length))).toBeLessThan(2e-5);
  }

  const point = exactAt(policy, listed, { alpha: 0.05, weights: [0.5, 0.5] });
  expect(point.regret).toBeGreaterThan(0);
  expect(point.optimum).toBeCloseTo(point.value + point.regret, 9);
  expect(listed).toHaveLength(8);
  for (const model of [reference, policy]) model.dispose();
});
