/** Trade-offs of their own for the rows of one batch: each says what it would say alone. */
import { beforeAll, describe, expect, it } from 'vitest';
import { conditioningNames } from '../../schemas/conditionings.js';
import { startEngine } from '../../stages/backend/engine.js';
import { allowFusedKernels } from '../../stages/backend/fused.js';
import { tf } from '../../stages/backend/tf.js';
import { initialWeights, parseConfig, sample, type Model, type Samples } from '../../stages/lm/index.js';
import { parameterPolicy } from '../../stages/policy/parameter-policy.js';
import type { SteerablePolicy, TradeOff } from '../../stages/policy/types.js';
import { Random } from '../../stages/random.js';
import { movedPolicy, tinyModel } from './tiny.js';

beforeAll(() => startEngine('wasm'));

const ranged = { alpha: { range: [0.02, 0.2] as [number, number] }, referenceShare: 'log' as const };
const corner = { alpha: 0.02, weights: [1, 0] };
const middle = { alpha: 0.1, weights: [0.3, 0.7] };
const strict = { alpha: 0.2, weights: [0.3, 0.7] };
/** Not in order, one of them alone, and one twice at the same prompt, which others share. */
const asked: readonly TradeOff[] = [middle, corner, strict, middle, corner, middle];
const prompts = ['a b', 'a b', 'b', 'b', 'a b', 'a b'];

type Conditioning = (typeof conditioningNames)[number];

/** What config.json says of small models beside their vocabulary; grouped keys, and encoders that attend to padding. */
const shapes = {
  llama: {
    ...{ model_type: 'llama', hidden_size: 12, intermediate_size: 10, num_hidden_layers: 2 },
    ...{ num_attention_heads: 4, num_key_value_heads: 2, head_dim: 4, max_position_embeddings: 24 },
  },
  t5: {
    ...{ model_type: 't5', d_model: 8, d_kv: 4, d_ff: 12, num_layers: 2, num_heads: 2 },
    ...{ feed_forward_proj: 'gated-gelu', decoder_start_token_id: 0 },
  },
};
type Family = 'gpt2' | keyof typeof shapes;

function modelOf(family: Family): Model {
  const model = tinyModel();
  if (family === 'gpt2') return model;
  const { vocabulary, bos, eos } = model.tokenizer;
  const vocabularyFields = { vocab_size: vocabulary.length, bos_token_id: bos, eos_token_id: eos };
  const config = parseConfig(JSON.stringify({ ...shapes[family], ...vocabularyFields }), family);
  const weights = initialWeights(
    { ...config, initializer_range: 0.4 } as typeof config,
    new Random(0, family),
  );
  return { ...model, config, weights };
}

async function policyOf(
  name: Conditioning,
  family: Family = 'gpt2',
): Promise<{
  readonly policy: SteerablePolicy;
  readonly texts: Int32Array[];
  readonly eos: number;
}> {
  // Percentages of different lengths leave prompts of different lengths.
  const share = name === 'prompt' ? { referenceShare: 'none' as const, spelling: 'percent' } : {};
  const stored = await movedPolicy(name, { ...ranged, ...share }, modelOf(family));
  const { tokenizer } = stored;
  const texts = prompts.map((text) => Int32Array.of(...tokenizer.encode(text), tokenizer.sep));
  return { policy: parameterPolicy(stored), texts, eos: tokenizer.eos };
}

const drawn = (
  model: Awaited<ReturnType<SteerablePolicy['at']>>,
  rows: readonly Int32Array[],
  { names, eos }: { readonly names: readonly number[]; readonly eos: number },
): Samples =>
  sample(model, {
    ...{ prompts: rows, samples: 1, maxTokens: 6, eos },
    stopping: { ends: (said) => (said[said.length - 1] ?? 0) % 3 === 0, cut: (text) => text },
    random: (row) => new Random(9, `row ${names[row] ?? NaN}`),
  });

const others: readonly [Conditioning, Family][] = (['lora', 'svd-lora'] as const).flatMap((name) =>
  (['llama', 't5'] as const).map((family): [Conditioning, Family] => [name, family]),
);
const cases = [...conditioningNames.map((name): [Conditioning, Family] => [name, 'gpt2']), ...others];

describe.each(cases)('rows of a policy with the conditioning %s of %s', (name, family) => {
  const check = async (): Promise<void> => {
    const { policy, texts, eos } = await policyOf(name, family);
    const before = tf.memory().numTensors;
    const together = await policy.atRows?.(asked);
    if (!together) throw new Error('the policy answers no rows');
    const all = drawn(together, texts, { names: [...asked.keys()], eos });
    const said = all.groups.flatMap(({ responses }) => responses);
    // Some end before others.
    expect(new Set(said.map(({ length }) => length)).size).toBeGreaterThan(1);
    const scores = together.score(texts, said);
    const scored = scores.arraySync();
    for (const tradeOff of [corner, middle, strict]) {
      const rows = [...asked.keys()].filter((row) => asked[row] === tradeOff);
      const alone = await policy.at(tradeOff);
      const own = drawn(
        alone,
        rows.map((row) => texts[row] ?? new Int32Array()),
        { names: rows, eos },
      );
      rows.forEach((row, i) => {
        expect([...(said[row] ?? [])]).toEqual([...(own.groups[i]?.responses[0] ?? [])]);
        const wanted = own.logProbs[i] ?? new Float32Array();
        expect(all.logProbs[row]?.length).toBe(wanted.length);
        wanted.forEach((value, t) => {
          expect(Math.abs((all.logProbs[row]?.[t] ?? NaN) - value)).toBeLessThan(1e-5);
          expect(Math.abs((scored[row]?.[t] ?? NaN) - value)).toBeLessThan(5e-5);
        });
        expect(together.room(texts[row] ?? new Int32Array(), row)).toBe(
          alone.room(texts[row] ?? new Int32Array()),
        );
      });
      alone.dispose();
    }
    // They differ: the rows are not all answered by one.
    const first = together.next(together.start(texts));
    const table = first.arraySync();
    const apart = Math.max(...(table[0] ?? []).map((value, v) => Math.abs(value - (table[1]?.[v] ?? NaN))));
    expect(apart).toBeGreaterThan(0.01);
    [scores, first].forEach((tensor) => tensor.dispose());
    together.dispose();
    expect(tf.memory().numTensors).toBe(before);
  };

  it('say what each would say alone', check);

  it('are refused outside of the domain', async () => {
    const { policy } = await policyOf(name, family);
    expect(() => policy.atRows?.([middle, { alpha: 0.5, weights: [1, 0] }])).toThrow('alpha 0.5 is not what');
  });

  if (['logits', 'lora', 'svd-lora'].includes(name))
    it('say it through the composed operations too', async () => {
      allowFusedKernels(false);
      await check().finally(() => allowFusedKernels(true));
    });
});
