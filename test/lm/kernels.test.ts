import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { startEngine } from '../../stages/backend/engine.js';
import { exp } from '../../stages/backend/exp.js';
import { withoutFusedKernels } from '../../stages/backend/fused.js';
import { activation } from '../../stages/backend/ops/activation.js';
import { forestAttention } from '../../stages/backend/ops/attention.js';
import { adamUpdates, combine } from '../../stages/backend/ops/combine.js';
import { logSoftmax } from '../../stages/backend/ops/distribution.js';
import { linear } from '../../stages/backend/ops/linear.js';
import { simdSource } from '../../stages/backend/simd-code.js';
import { tf } from '../../stages/backend/tf.js';
import { folderDigest } from '../../scripts/folder-digest.js';
import { forest, index, nodes, operations, run, slope } from './operations.js';
import { largestDifference, largestOfUpdates, randomTensor } from './support.js';

describe.each(['wasm', 'cpu'] as const)('a fused kernel on %s', (engine) => {
  beforeEach(async () => {
    await startEngine(engine);
  });

  it.each(operations)('agrees with the composed operation: $name', async (operation) => {
    const found = run(operation);
    await startEngine('cpu');
    const expected = withoutFusedKernels(() => run(operation));
    expect(largestDifference(found.value, expected.value)).toBeLessThan(2e-5);
    found.gradients.forEach((gradient, i) => {
      expect(largestDifference(gradient, expected.gradients[i] ?? [])).toBeLessThan(5e-5);
    });
  });

  it.each(operations)('has the gradient of finite differences: $name', (operation) => {
    const { gradients } = run(operation);
    gradients.forEach((gradient, input) => {
      for (const element of [0, Math.floor(gradient.length / 2), gradient.length - 1]) {
        const found = gradient[element] ?? NaN;
        expect(Math.abs(found - slope(operation, input, element))).toBeLessThan(2e-2 * (1 + Math.abs(found)));
      }
    });
  });

  it('composes to the same on its own backend', () => {
    for (const operation of operations) {
      const found = withoutFusedKernels(() => run(operation));
      expect(largestDifference(found.value, run(operation).value), operation.name).toBeLessThan(2e-5);
    }
  });
});

describe('the arena of cpu', () => {
  it('that grows by an input does not leave a kernel with an old view of it', async () => {
    await startEngine('cpu');
    // Output and input together are more than the 1024 floats that an arena begins with, the output alone is not.
    const x = randomTensor([13, 48], 1) as Tensor2D;
    const found = activation(x, 'gelu_new').dataSync();
    const expected = withoutFusedKernels(() => activation(x, 'gelu_new').dataSync());
    expect(largestDifference(found, expected)).toBeLessThan(1e-6);
  });
});

describe('attention with dropout', () => {
  it('drops the same weights on the way back as forward', async () => {
    await startEngine('wasm');
    const apply = ([x]: Tensor[]): Tensor =>
      forestAttention(x as Tensor2D, forest, { heads: 3, dropout: { rate: 0.3, seed: 5 } });
    const operation = { name: 'dropped', shapes: [[nodes, 36]], apply };
    const { value, gradients } = run(operation);
    const plain = run(operations.at(-1) ?? operation);
    expect(largestDifference(value, plain.value)).toBeGreaterThan(0.1);
    const gradient = gradients[0] ?? new Float32Array();
    for (const element of [3, 15, 30, 400, gradient.length - 1]) {
      const found = gradient[element] ?? NaN;
      expect(Math.abs(found - slope(operation, 0, element))).toBeLessThan(2e-2 * (1 + Math.abs(found)));
    }
  });
});

describe('the matrix product on wasm', () => {
  const cases = [
    [[6, 5], [5, 4], false, false],
    [[5, 6], [5, 4], true, false],
    [[6, 5], [4, 5], false, true],
    [[5, 6], [4, 5], true, true],
    [[3, 6, 5], [3, 4, 5], false, true],
    [[2, 3, 5, 6], [2, 3, 5, 4], true, false],
    [[1, 6, 5], [3, 5, 4], false, false],
    [[33, 70], [70, 130], false, false],
  ] as const;

  it.each(cases)('%j by %j (transposed: %s, %s) is that of cpu', async (a, b, transposeA, transposeB) => {
    const product = (): Float32Array => {
      const [left, right] = [randomTensor([...a], 1), randomTensor([...b], 2)];
      const y = tf.matMul(left, right, transposeA, transposeB);
      return y.dataSync<'float32'>();
    };
    await startEngine('wasm');
    const found = product();
    await startEngine('cpu');
    expect(largestDifference(found, product())).toBeLessThan(1e-4);
  });

  it('does not take a disposed weight for a new one in its place', async () => {
    await startEngine('wasm');
    for (let i = 0; i < 20; i++) {
      const difference = tf.tidy(() => {
        const [x, weight] = [randomTensor([4, 8], i) as Tensor2D, randomTensor([8, 8], 100 + i) as Tensor2D];
        const bias = tf.tensor1d(new Float32Array(8));
        const found = linear(x, weight, bias);
        return largestDifference(found.dataSync(), x.expandDims(2).mul(weight).sum(1).dataSync());
      });
      expect(difference).toBeLessThan(1e-4);
    }
  });
});

describe('unsorted segment sum on wasm', () => {
  it('gives gather its gradient', async () => {
    const gradient = (): Float32Array =>
      tf.tidy(() => {
        const loss = (x: Tensor): Tensor => tf.gather(x, tf.tensor1d(index, 'int32')).square().sum();
        return tf
          .grad(loss)(randomTensor([5, 3], 1))
          .dataSync<'float32'>();
      });
    await startEngine('wasm');
    const found = gradient();
    await startEngine('cpu');
    expect(largestDifference(found, gradient())).toBeLessThan(1e-6);
  });
});

describe('the vector loops', () => {
  it('are compiled from the sources in assembly/: if not, `node dist/scripts/assembly.js` compiles them', () => {
    expect(simdSource).toBe(folderDigest(join(import.meta.dirname, '../../assembly')));
  });

  it('keep NaN in a log-softmax, and leave out what is masked', async () => {
    await startEngine('wasm');
    const x = tf.tensor2d([NaN, 1, 2, 3, 4, 5, 80, -80, 0, 3], [2, 5]);
    const found = logSoftmax(x, Int32Array.of(1)).dataSync<'float32'>();
    expect(found.slice(0, 5).every(Number.isNaN)).toBe(true);
    const log = Math.log(Math.exp(5) + Math.exp(-80) + 1 + Math.exp(3));
    expect(
      largestDifference(
        found.filter((_, i) => i > 4 && i !== 6),
        [5, -80, 0, 3].map((v) => v - log),
      ),
    ).toBeLessThan(1e-5);
    expect(found[6]).toBeLessThan(-9e8);
  });
});

describe('exp', () => {
  it('is exact to single precision from -87 to 88, and keeps NaN and both infinities in order', () => {
    for (let x = -87; x <= 88; x += 0.0137) expect(Math.abs(exp(x) / Math.exp(x) - 1)).toBeLessThan(3e-9);
    expect(exp(-1e9)).toBe(0);
    expect(exp(-Infinity)).toBe(0);
    expect(exp(NaN)).toBeNaN();
    expect(exp(1e9)).toBeGreaterThan(1e38);
  });
});

describe('AdamW', () => {
  const rates = { rate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-6, step: 3 };

  it('fused is AdamW composed', async () => {
    await startEngine('wasm');
    const [parameter, gradient, first, root] = [1, 2, 3, 4].map((seed) => randomTensor([3, 5], seed));
    if (!parameter || !gradient || !first || !root) throw new Error('no tensors');
    const own = { parameter, gradient, first, second: root.square(), weightDecay: 0.1 };
    const all = [
      { ...own, factor: 1 },
      { ...own, factor: -0.3 },
    ];
    const expected = withoutFusedKernels(() => adamUpdates(all, rates));
    const updated = adamUpdates(all, rates);
    expect(updated).toHaveLength(all.length);
    expect(largestOfUpdates(updated, expected)).toBeLessThan(1e-6);
  });

  it.each(['wasm', 'cpu'] as const)(
    'takes a factor as if the gradient had been multiplied before, to the bit: %s',
    async (engine) => {
      await startEngine(engine);
      const all = [1, 7, 300].map((size, seed) => ({
        parameter: randomTensor([size], seed),
        gradient: randomTensor([size], seed + 10),
        first: randomTensor([size], seed + 20),
        second: randomTensor([size], seed + 30).square(),
        ...{ factor: 0.1 + seed / 3, weightDecay: 0 },
      }));
      const multiplied = all.map(({ gradient, factor, ...one }) => ({
        ...{ ...one, factor: 1 },
        gradient: combine([factor], [gradient]),
      }));
      const values = (of: typeof all): number[][] =>
        adamUpdates(of, rates).flatMap((one) =>
          [one.parameter, one.first, one.second].map((tensor) => [...tensor.dataSync()]),
        );
      expect(values(all)).toEqual(values(multiplied));
    },
  );
});
