import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import { beforeEach, describe, expect, it } from 'vitest';
import { startEngine } from '../../stages/backend/engine.js';
import { exp } from '../../stages/backend/exp.js';
import { withoutFusedKernels } from '../../stages/backend/fused.js';
import { activation } from '../../stages/backend/ops/activation.js';
import { forestAttention } from '../../stages/backend/ops/attention.js';
import { adamUpdate, combine } from '../../stages/backend/ops/combine.js';
import { entropies, logSoftmax, rowKl } from '../../stages/backend/ops/distribution.js';
import { dropout } from '../../stages/backend/ops/dropout.js';
import { embed } from '../../stages/backend/ops/embed.js';
import { layerNorm } from '../../stages/backend/ops/layer-norm.js';
import { gated } from '../../stages/backend/ops/gated.js';
import { linear } from '../../stages/backend/ops/linear.js';
import { rmsNorm } from '../../stages/backend/ops/rms-norm.js';
import { rotate } from '../../stages/backend/ops/rotary.js';
import { gatherRows, pick, segmentSum } from '../../stages/backend/ops/rows.js';
import { tf } from '../../stages/backend/tf.js';
import { packGroups } from '../../stages/lm/index.js';
import { largestDifference, randomTensor, randomTexts, tokens } from './support.js';

interface Operation {
  readonly name: string;
  readonly shapes: readonly number[][];
  readonly apply: (inputs: Tensor[]) => Tensor;
}

const index = Int32Array.from([2, 0, 2, 4, 1]);
const forest = packGroups([
  { prompt: tokens(3, 4, 5), responses: [...randomTexts(4, 5, 6), tokens(3), tokens(3, 4, 4)] },
  { prompt: tokens(4), responses: [tokens(5, 6, 7, 3)] },
  { prompt: tokens(6, 6), responses: randomTexts(3, 3, 5, 1) },
]).forest;
const nodes = forest.tokens.length;

const pair = (inputs: Tensor[]): [Tensor2D, Tensor2D] => inputs as [Tensor2D, Tensor2D];
const affine = (inputs: Tensor[]): [Tensor2D, Tensor1D, Tensor1D] => inputs as [Tensor2D, Tensor1D, Tensor1D];

const operations: readonly Operation[] = [
  { name: 'layer norm', shapes: [[5, 7], [7], [7]], apply: (x) => layerNorm(...affine(x), 1e-5) },
  {
    name: 'linear',
    shapes: [[5, 7], [7, 4], [4]],
    apply: (x) => linear(...(x as [Tensor2D, Tensor2D, Tensor1D])),
  },
  {
    name: 'linear, turned and without a bias',
    shapes: [
      [5, 7],
      [4, 7],
    ],
    apply: (x) => linear(...pair(x), undefined, true),
  },
  {
    name: 'linear, turned',
    shapes: [[5, 7], [4, 7], [4]],
    apply: ([x, weight, bias]) => linear(x as Tensor2D, weight as Tensor2D, bias as Tensor1D, true),
  },
  { name: 'RMS norm', shapes: [[5, 7], [7]], apply: ([x, g]) => rmsNorm(x as Tensor2D, g as Tensor1D, 1e-6) },
  {
    name: 'rotation',
    shapes: [[5, 10]],
    apply: ([x]) => rotate(x as Tensor2D, { frequencies: [1, 0.3], heads: 2, positions: index }),
  },
  ...(['silu', 'gelu_new', 'gelu', 'relu'] as const).map((kind): Operation => ({
    name: `gate of ${kind}`,
    shapes: [
      [5, 7],
      [5, 7],
    ],
    apply: (x) => gated(...pair(x), kind),
  })),
  { name: 'silu', shapes: [[5, 7]], apply: ([x]) => activation(x as Tensor2D, 'silu') },
  { name: 'gelu_new', shapes: [[5, 7]], apply: ([x]) => activation(x as Tensor2D, 'gelu_new') },
  { name: 'gelu', shapes: [[5, 7]], apply: ([x]) => activation(x as Tensor2D, 'gelu') },
  { name: 'relu', shapes: [[5, 7]], apply: ([x]) => activation(x as Tensor2D, 'relu') },
  { name: 'log-softmax', shapes: [[5, 7]], apply: ([x]) => logSoftmax(x as Tensor2D) },
  {
    name: 'log-softmax of what is not masked',
    shapes: [[5, 7]],
    apply: ([x]) =>
      gatherRows(logSoftmax(x as Tensor2D, Int32Array.from([0, 3])).transpose(), tokens(1, 2, 4, 5, 6)),
  },
  { name: 'entropy', shapes: [[5, 7]], apply: ([x]) => entropies(logSoftmax(x as Tensor2D)) },
  {
    name: 'KL',
    shapes: [
      [5, 7],
      [5, 7],
    ],
    apply: (x) => rowKl(logSoftmax(pair(x)[0]), logSoftmax(pair(x)[1])),
  },
  {
    name: 'embedding',
    shapes: [
      [5, 7],
      [5, 7],
    ],
    apply: (x) =>
      embed(
        ...pair(x),
        index,
        index.map((i) => 4 - i),
      ),
  },
  { name: 'rows', shapes: [[5, 7]], apply: ([x]) => gatherRows(x as Tensor2D, index) },
  { name: 'pick', shapes: [[5, 7]], apply: ([x]) => pick(x as Tensor2D, index, tokens(6, 0, 6, 3, 1)) },
  { name: 'segment sum', shapes: [[5]], apply: ([x]) => segmentSum(x as Tensor1D, index, 6) },
  { name: 'dropout', shapes: [[5, 7]], apply: ([x]) => dropout(x as Tensor2D, 0.4, 17) },
  {
    name: 'combination',
    shapes: [
      [5, 7],
      [5, 7],
      [5, 7],
    ],
    apply: (x) => combine([0.5, -2, 3], x),
  },
  {
    name: 'attention of shared keys',
    shapes: [[nodes, 32]],
    apply: ([x]) => forestAttention(x as Tensor2D, forest, { heads: 4, keyHeads: 2 }),
  },
  {
    name: 'attention',
    shapes: [[nodes, 36]],
    apply: ([x]) => forestAttention(x as Tensor2D, forest, { heads: 3 }),
  },
];

/** Value and gradients of the operation under fixed weights, so that no two elements count alike. */
function run({ shapes, apply }: Operation): { value: Float32Array; gradients: Float32Array[] } {
  tf.engine().startScope();
  const inputs = shapes.map((shape, i) => randomTensor(shape, i));
  const loss = (...leaves: Tensor[]): Scalar => {
    const y = apply(leaves);
    return y.mul(randomTensor(y.shape, 99)).sum().asScalar();
  };
  const value = apply(inputs).dataSync<'float32'>();
  const gradients = tf
    .grads(loss)(inputs)
    .map((gradient) => gradient.dataSync<'float32'>());
  tf.engine().endScope();
  return { value, gradients };
}

/** Central differences of the loss with respect to one element. */
function slope({ shapes, apply }: Operation, input: number, element: number): number {
  const step = 1e-2;
  const at = (shift: number): number =>
    tf.tidy(() => {
      const inputs = shapes.map((shape, i) => {
        const values = randomTensor(shape, i).dataSync<'float32'>();
        if (i === input) values[element] = (values[element] ?? 0) + shift;
        return tf.tensor(values, shape);
      });
      const y = apply(inputs);
      return y.mul(randomTensor(y.shape, 99)).sum().dataSync()[0] ?? NaN;
    });
  return (at(step) - at(-step)) / (2 * step);
}

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
  it('fused is AdamW composed', async () => {
    await startEngine('wasm');
    const rates = { rate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-6, weightDecay: 0.1, step: 3 };
    const [parameter, gradient, first, root] = [1, 2, 3, 4].map((seed) => randomTensor([3, 5], seed));
    if (!parameter || !gradient || !first || !root) throw new Error('no tensors');
    const tensors = { parameter, gradient, first, second: root.square() };
    const found = adamUpdate(tensors, rates);
    const expected = withoutFusedKernels(() => adamUpdate(tensors, rates));
    for (const name of ['parameter', 'first', 'second'] as const) {
      expect(largestDifference(found[name].dataSync(), expected[name].dataSync()), name).toBeLessThan(1e-6);
    }
  });
});
