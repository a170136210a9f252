/** Vector arithmetic over whole parameters: linear combinations, norms, and the optimiser's update. */
import type { Tensor } from '@tensorflow/tfjs';
import { defineGradient, defineKernel, first, fused, input } from '../fused.js';
import { sizeOf } from '../memory.js';
import { tf } from '../tf.js';
import { inTwo } from './dropout.js';

interface CombineAttributes {
  readonly coefficients: readonly number[];
}

/** sum_i coefficients[i] tensors[i], all of one shape. Differentiable. */
export function combine(coefficients: readonly number[], tensors: readonly Tensor[]): Tensor {
  if (fused())
    return first(
      combineKernel(Object.fromEntries(tensors.map((tensor, i) => [`x${i}`, tensor])), { coefficients }),
    );
  return tf.tidy(() => addAll(tensors.map((tensor, i) => tensor.mul(coefficients[i] ?? 0))));
}

/** A program for a GPU may read eight arrays where the card promises no more. */
const MOST_SUMMANDS = 7;

function addAll(tensors: readonly Tensor[]): Tensor {
  if (tensors.length <= MOST_SUMMANDS) return tf.addN([...tensors]);
  return addAll([tf.addN(tensors.slice(0, MOST_SUMMANDS)), ...tensors.slice(MOST_SUMMANDS)]);
}

const combineKernel = defineKernel<CombineAttributes>(
  'combine',
  (memory, inputs, { coefficients }) => {
    const { shape } = input(inputs, 'x0');
    const y = memory.output(shape);
    const addresses = coefficients.map((_, i) => memory.input(input(inputs, `x${i}`)));
    const heap = memory.heap();
    const size = sizeOf(shape);
    const [head = 0] = coefficients;
    const [from = 0] = addresses;
    for (let j = 0; j < size; j++) heap[y.address + j] = head * (heap[from + j] ?? 0);
    for (let i = 1; i < coefficients.length; i++) {
      const factor = coefficients[i] ?? 0;
      const x = addresses[i] ?? 0;
      for (let j = 0; j < size; j++)
        heap[y.address + j] = (heap[y.address + j] ?? 0) + factor * (heap[x + j] ?? 0);
    }
    return y.info;
  },
  (call, { coefficients }) =>
    call.one(
      'Combine',
      coefficients.map((_, i) => `x${i}`),
      { numbers: coefficients },
    ),
);

defineGradient<CombineAttributes>('combine', { inputs: [] }, ([dy], _saved, { coefficients }) => {
  if (!dy) throw new Error('internal error: a combination has no gradient to hand on; please report it');
  return Object.fromEntries(coefficients.map((factor, i) => [`x${i}`, combine([factor], [dy])]));
});

/**
 * Sum of the squares of all elements of all tensors, in double precision; on engines without our kernels in single,
 * where one number comes back instead of every gradient.
 */
export function sumOfSquares(tensors: readonly Tensor[]): number {
  const sums = tf.tidy(() => {
    if (!fused()) return tf.stack(tensors.map((x) => x.square().sum())).dataSync<'float32'>();
    const named = tensors.map((tensor, i) => [`x${i}`, tensor] as const);
    return first(squaresKernel(Object.fromEntries(named), {})).dataSync<'float32'>();
  });
  return sums.reduce((sum, value) => sum + value, 0);
}

/** The sum as two numbers of single precision, which are as exact together. */
const squaresKernel = defineKernel<object>(
  'squares',
  (memory, inputs) => {
    const y = memory.output([2]);
    const heap = memory.heap();
    let sum = 0;
    for (const tensor of Object.values(inputs)) {
      const x = memory.input(tensor);
      for (let i = x; i < x + sizeOf(tensor.shape); i++) sum += (heap[i] ?? 0) ** 2;
    }
    heap.set(inTwo(sum), y.address);
    return y.info;
  },
  (call) => call.one('Squares', call.names),
);

export interface AdamRates {
  readonly rate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /** Updates done, this one included. */
  readonly step: number;
}

export interface AdamTensors {
  readonly parameter: Tensor;
  readonly gradient: Tensor;
  readonly first: Tensor;
  readonly second: Tensor;
}

/** One AdamW update (Loshchilov and Hutter 2019): new parameter and moments. */
export function adamUpdate(tensors: AdamTensors, rates: AdamRates): Omit<AdamTensors, 'gradient'> {
  if (!fused()) return tf.tidy(() => composedAdam(tensors, rates));
  const [parameter, one, two] = adamKernel({ ...tensors }, rates);
  if (!parameter || !one || !two)
    throw new Error('internal error: an update gave too little; please report it');
  return { parameter, first: one, second: two };
}

function composedAdam(
  { parameter, gradient, first: one, second: two }: AdamTensors,
  rates: AdamRates,
): Omit<AdamTensors, 'gradient'> {
  const { rate, beta1, beta2, epsilon, weightDecay, step } = rates;
  const nextOne = one.mul(beta1).add(gradient.mul(1 - beta1));
  const nextTwo = two.mul(beta2).add(gradient.square().mul(1 - beta2));
  const size = nextOne.div(1 - beta1 ** step).div(
    nextTwo
      .div(1 - beta2 ** step)
      .sqrt()
      .add(epsilon),
  );
  return {
    parameter: parameter.mul(1 - rate * weightDecay).sub(size.mul(rate)),
    first: nextOne,
    second: nextTwo,
  };
}

const adamKernel = defineKernel<AdamRates>(
  'adam',
  (memory, inputs, { rate, beta1, beta2, epsilon, weightDecay, step }) => {
    const { shape } = input(inputs, 'parameter');
    const [next, nextOne, nextTwo] = [memory.output(shape), memory.output(shape), memory.output(shape)];
    const [p = 0, g = 0, m = 0, v = 0] = ['parameter', 'gradient', 'first', 'second'].map((name) =>
      memory.input(input(inputs, name)),
    );
    const heap = memory.heap();
    const correction1 = 1 / (1 - beta1 ** step);
    const correction2 = 1 / (1 - beta2 ** step);
    const kept = 1 - rate * weightDecay;
    for (let i = 0, size = sizeOf(shape); i < size; i++) {
      const gradient = heap[g + i] ?? 0;
      const one = beta1 * (heap[m + i] ?? 0) + (1 - beta1) * gradient;
      const two = beta2 * (heap[v + i] ?? 0) + (1 - beta2) * gradient * gradient;
      heap[nextOne.address + i] = one;
      heap[nextTwo.address + i] = two;
      heap[next.address + i] =
        kept * (heap[p + i] ?? 0) - (rate * one * correction1) / (Math.sqrt(two * correction2) + epsilon);
    }
    return [next.info, nextOne.info, nextTwo.info];
  },
  (call, { rate, beta1, beta2, epsilon, weightDecay, step }) =>
    call.ours('Adam', ['parameter', 'gradient', 'first', 'second'], {
      numbers: [
        ...[beta1, 1 - beta1, beta2, 1 - beta2, 1 - rate * weightDecay],
        ...[rate / (1 - beta1 ** step), 1 / (1 - beta2 ** step), epsilon],
      ],
      outputs: 3,
    }),
);
