/** Trade-offs of their own for the rows of one batch: each says what it would say alone. */
import { beforeAll, describe, expect, it } from 'vitest';
import { conditioningNames } from '../../schemas/artifact.js';
import { startEngine } from '../../stages/backend/engine.js';
import { allowFusedKernels } from '../../stages/backend/fused.js';
import { tf } from '../../stages/backend/tf.js';
import { sample, type Samples } from '../../stages/lm/index.js';
import { parameterPolicy } from '../../stages/policy/parameter-policy.js';
import type { SteerablePolicy, TradeOff } from '../../stages/policy/types.js';
import { Random } from '../../stages/random.js';
import { movedPolicy } from './tiny.js';

beforeAll(() => startEngine('wasm'));

const ranged = { alpha: { range: [0.02, 0.2] as [number, number] }, referenceShare: 'log' as const };
const corner = { alpha: 0.02, weights: [1, 0] };
const middle = { alpha: 0.1, weights: [0.3, 0.7] };
const strict = { alpha: 0.2, weights: [0.3, 0.7] };
/** Not in order, one of them alone, and one twice at the same prompt. */
const asked: readonly TradeOff[] = [middle, corner, strict, middle, corner, middle];
const prompts = ['a b', 'a b', 'b', 'b', 'a b', 'a b'];

async function policyOf(name: (typeof conditioningNames)[number]): Promise<{
  readonly policy: SteerablePolicy;
  readonly texts: Int32Array[];
  readonly eos: number;
}> {
  // Percentages of different lengths leave prompts of different lengths.
  const share = name === 'prompt' ? { referenceShare: 'none' as const, spelling: 'percent' } : {};
  const stored = await movedPolicy(name, { ...ranged, ...share });
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
    random: (row) => new Random(9, `row ${names[row] ?? NaN}`),
  });

describe.each(conditioningNames)('rows of a policy with the conditioning %s', (name) => {
  const check = async (): Promise<void> => {
    const { policy, texts, eos } = await policyOf(name);
    const before = tf.memory().numTensors;
    const together = await policy.atRows?.(asked);
    if (!together) throw new Error('the policy answers no rows');
    const all = drawn(together, texts, { names: [...asked.keys()], eos });
    const said = all.groups.flatMap(({ responses }) => responses);
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
    const { policy } = await policyOf(name);
    expect(() => policy.atRows?.([middle, { alpha: 0.5, weights: [1, 0] }])).toThrow('alpha 0.5 is not what');
  });

  if (name === 'logits')
    it('say it through the composed operations too', async () => {
      allowFusedKernels(false);
      await check().finally(() => allowFusedKernels(true));
    });
});
