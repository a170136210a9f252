/** Vector arithmetic over whole parameters: linear combinations, norms, and the optimiser's update. */
import type { Tensor } from '@tensorflow/tfjs';
import { defineGradient, defineKernel, first, fused, input } from '../fused.js';
import { sizeOf, type Address, type Memory } from '../memory.js';
import { tf } from '../tf.js';
import { inTwo } from './dropout.js';

interface CombineAttributes {
  readonly coefficients: readonly number[];
}

/** sum_i coefficients[i] tensors[i], all of one shape. Differentiable. */
export function combine(coefficients: readonly number[], tensors: readonly Tensor[]): Tensor {
  return first(combineAll(coefficients, [tensors]));
}

/** The same of several lists of tensors, as one operation. */
export function combineAll(coefficients: readonly number[], lists: readonly (readonly Tensor[])[]): Tensor[] {
  if (!fused())
    return lists.map((tensors) =>
      tf.tidy(() => addAll(tensors.map((tensor, i) => tensor.mul(coefficients[i] ?? 0)))),
    );
  return lists.length === 0 ? [] : combineKernel(lists.flat(), { coefficients });
}

/** A program for a GPU may read eight arrays where the card promises no more. */
const MOST_SUMMANDS = 7;

function addAll(tensors: readonly Tensor[]): Tensor {
  if (tensors.length <= MOST_SUMMANDS) return tf.addN([...tensors]);
  return addAll([tf.addN(tensors.slice(0, MOST_SUMMANDS)), ...tensors.slice(MOST_SUMMANDS)]);
}

/** One list after the other: the name of an input is its place. */
const combineKernel = defineKernel<CombineAttributes>(
  'combine',
  (memory, inputs, { coefficients }) => {
    const tensors = Object.values(inputs);
    return Array.from({ length: tensors.length / coefficients.length }, (_, list) => {
      const summands = tensors.slice(list * coefficients.length, (list + 1) * coefficients.length);
      const { shape } = input(inputs, list * coefficients.length);
      const y = memory.output(shape);
      const addresses = summands.map((tensor) => memory.input(tensor));
      sumInto(memory, { coefficients, addresses, to: y.address, size: sizeOf(shape) });
      return y.info;
    });
  },
  (call, { coefficients }) =>
    call.ours('Combine', call.names, {
      numbers: coefficients,
      outputs: call.names.length / coefficients.length,
    }),
);

interface Sum {
  readonly coefficients: readonly number[];
  readonly addresses: readonly Address[];
  readonly to: Address;
  readonly size: number;
}

function sumInto(memory: Memory, { coefficients, addresses, to, size }: Sum): void {
  const { simd } = memory;
  const heap = memory.heap();
  coefficients.forEach((factor, i) => {
    const x = addresses[i] ?? 0;
    if (simd) (i === 0 ? simd.scaled : simd.plusScaled)(4 * x, 4 * to, factor, size);
    else if (i === 0) for (let j = 0; j < size; j++) heap[to + j] = factor * (heap[x + j] ?? 0);
    else for (let j = 0; j < size; j++) heap[to + j] = (heap[to + j] ?? 0) + factor * (heap[x + j] ?? 0);
  });
}

defineGradient<CombineAttributes>('combine', { inputs: [] }, (slopes, _saved, { coefficients }) =>
  Object.fromEntries(slopes.flatMap((dy) => coefficients.map((factor) => combine([factor], [dy]))).entries()),
);

/**
 * Sum of the squares of all elements of all tensors, in double precision; on engines without our kernels in single,
 * where one number comes back instead of every gradient.
 */
export function sumOfSquares(tensors: readonly Tensor[]): number {
  const sums = tf.tidy(() => {
    if (!fused()) return tf.stack(tensors.map((x) => x.square().sum())).dataSync<'float32'>();
    return first(squaresKernel(tensors, {})).dataSync<'float32'>();
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
      const size = sizeOf(tensor.shape);
      if (memory.simd) sum += memory.simd.squares(4 * x, size);
      else for (let i = x; i < x + size; i++) sum += (heap[i] ?? 0) ** 2;
    }
    heap.set(inTwo(sum), y.address);
    return y.info;
  },
  (call) => call.one('Squares', call.names),
);

/** Of an update of many tensors. */
export interface AdamRates {
  readonly rate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Updates done, this one included. */
  readonly step: number;
}

export interface AdamInput {
  readonly parameter: Tensor;
  readonly gradient: Tensor;
  /** What the gradient is multiplied by. */
  readonly factor: number;
  readonly first: Tensor;
  readonly second: Tensor;
  readonly weightDecay: number;
}

/** A parameter and its moments. */
export type AdamTensors = Pick<AdamInput, 'parameter' | 'first' | 'second'>;

/** AdamW updates (Loshchilov and Hutter 2019) as one operation: new parameters and moments. */
export function adamUpdates(all: readonly AdamInput[], rates: AdamRates): AdamTensors[] {
  if (!fused()) return all.map((one) => tf.tidy(() => composedAdam(one, rates)));
  if (all.length === 0) return [];
  const read = all.flatMap(({ parameter, gradient, first, second }) => [parameter, gradient, first, second]);
  const scales = all.map(({ factor, weightDecay }) => [1 - rates.rate * weightDecay, factor] as const);
  const found = adamKernel(read, { rates, scales });
  return all.map((_, i) => {
    const [parameter, one, two] = found.slice(3 * i, 3 * i + 3);
    if (!parameter || !one || !two)
      throw new Error('internal error: an update gave too little; please report it');
    return { parameter, first: one, second: two };
  });
}

function composedAdam(
  { parameter, gradient: unscaled, first: one, second: two, factor, weightDecay }: AdamInput,
  { rate, beta1, beta2, epsilon, step }: AdamRates,
): AdamTensors {
  const gradient = factor === 1 ? unscaled : unscaled.mul(factor);
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

interface AdamAttributes {
  readonly rates: AdamRates;
  /** Of each parameter: what decay leaves of it, and the factor of its gradient. */
  readonly scales: readonly (readonly [kept: number, factor: number])[];
}

/** Parameter, gradient and moments of the first, then of the second: the name of an input is its place. */
const adamKernel = defineKernel<AdamAttributes>(
  'adam',
  (memory, inputs, { rates, scales }) => {
    const numbers = numbersOf(rates);
    return scales.flatMap(([kept, factor], i) => {
      const { shape } = input(inputs, 4 * i);
      const made = [memory.output(shape), memory.output(shape), memory.output(shape)] as const;
      const at = (role: number): Address => memory.input(input(inputs, 4 * i + role));
      const read = [at(0), at(1), at(2), at(3)] as const;
      const written = [made[0].address, made[1].address, made[2].address] as const;
      move(memory, { read, written, size: sizeOf(shape), numbers: [kept, factor, ...numbers] });
      return made.map(({ info }) => info);
    });
  },
  (call, { rates, scales }) =>
    call.ours('Adam', call.names, {
      numbers: [...numbersOf(rates), ...scales.flat()],
      outputs: 3 * scales.length,
    }),
);

/** beta1, 1 - beta1, beta2, 1 - beta2, the rate and the factor of the second moment, both corrected, epsilon. */
type AdamNumbers = readonly [number, number, number, number, number, number, number];

function numbersOf({ rate, beta1, beta2, epsilon, step }: AdamRates): AdamNumbers {
  const corrected = [rate / (1 - beta1 ** step), 1 / (1 - beta2 ** step)] as const;
  return [beta1, 1 - beta1, beta2, 1 - beta2, ...corrected, epsilon];
}

interface Move {
  /** Parameter, gradient and moments; and where parameter and moments go. */
  readonly read: readonly [Address, Address, Address, Address];
  readonly written: readonly [Address, Address, Address];
  readonly size: number;
  readonly numbers: readonly [kept: number, factor: number, ...AdamNumbers];
}

function move(memory: Memory, { read, written, size, numbers }: Move): void {
  const [p, g, m, v] = read;
  const [next, one, two] = written;
  if (memory.simd) {
    memory.simd.adam(4 * p, 4 * g, 4 * m, 4 * v, 4 * next, 4 * one, 4 * two, size, ...numbers);
    return;
  }
  const [kept, factor, beta1, rest1, beta2, rest2, rate, correction, epsilon] = numbers;
  const heap = memory.heap();
  for (let i = 0; i < size; i++) {
    const gradient = Math.fround(factor * (heap[g + i] ?? 0));
    const first = beta1 * (heap[m + i] ?? 0) + rest1 * gradient;
    const second = beta2 * (heap[v + i] ?? 0) + rest2 * gradient * gradient;
    heap[one + i] = first;
    heap[two + i] = second;
    heap[next + i] = kept * (heap[p + i] ?? 0) - (rate * first) / (Math.sqrt(second * correction) + epsilon);
  }
}
