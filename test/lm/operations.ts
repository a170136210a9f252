/** Every operation that has kernels of ours, on small tensors, with its gradients. */
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import { activation } from '../../stages/backend/ops/activation.js';
import { forestAttention } from '../../stages/backend/ops/attention.js';
import { combine } from '../../stages/backend/ops/combine.js';
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
import { randomTensor, randomTexts, tokens } from './support.js';

export interface Operation {
  readonly name: string;
  readonly shapes: readonly number[][];
  readonly apply: (inputs: Tensor[]) => Tensor;
}

export const index = Int32Array.from([2, 0, 2, 4, 1]);
export const forest = packGroups([
  { prompt: tokens(3, 4, 5), responses: [...randomTexts(4, 5, 6), tokens(3), tokens(3, 4, 4)] },
  { prompt: tokens(4), responses: [tokens(5, 6, 7, 3)] },
  { prompt: tokens(6, 6), responses: randomTexts(3, 3, 5, 1) },
]).forest;
export const nodes = forest.tokens.length;

const pair = (inputs: Tensor[]): [Tensor2D, Tensor2D] => inputs as [Tensor2D, Tensor2D];
const affine = (inputs: Tensor[]): [Tensor2D, Tensor1D, Tensor1D] => inputs as [Tensor2D, Tensor1D, Tensor1D];

export const operations: readonly Operation[] = [
  { name: 'layer norm', shapes: [[5, 7], [7], [7]], apply: (x) => layerNorm(...affine(x), 1e-5) },
  // A multiple of four, which engines take four at a time.
  { name: 'layer norm of 12', shapes: [[5, 12], [12], [12]], apply: (x) => layerNorm(...affine(x), 1e-5) },
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
    // Of twelve columns eight are taken at once, then four; heads that share keys add up in their gradients.
    name: 'attention of shared keys of 12',
    shapes: [[nodes, 96]],
    apply: ([x]) => forestAttention(x as Tensor2D, forest, { heads: 4, keyHeads: 2 }),
  },
  {
    name: 'attention',
    shapes: [[nodes, 36]],
    apply: ([x]) => forestAttention(x as Tensor2D, forest, { heads: 3 }),
  },
];

/** Value and gradients of the operation under fixed weights, so that no two elements count alike. */
export function run({ shapes, apply }: Operation): { value: Float32Array; gradients: Float32Array[] } {
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
export function slope({ shapes, apply }: Operation, input: number, element: number): number {
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
