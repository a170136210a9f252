/** Vector arithmetic over whole parameters: linear combinations, norms, and the optimiser's update. */
import type { Tensor } from '@tensorflow/tfjs';
import { defineGradient, defineKernel, first, fused, input } from '../fused.js';
import { sizeOf, type Address, type Memory } from '../memory.js';
import { tf } from '../tf.js';
import { inTwo } from './dropout.js';

interface CombineAttributes {
  readonly coefficients: readonly number[];
  /** Sums wanted. */
  readonly lists: number;
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
  const named = lists.flatMap((tensors, list) =>
    tensors.map((tensor, i): [string, Tensor] => [nameOf(list, i), tensor]),
  );
  return combineKernel(Object.fromEntries(named), { coefficients, lists: lists.length });
}

/** Of a tensor of a list. */
const nameOf = (list: number, i: number): string => `x${list}/${i}`;

/** A program for a GPU may read eight arrays where the card promises no more. */
const MOST_SUMMANDS = 7;

function addAll(tensors: readonly Tensor[]): Tensor {
  if (tensors.length <= MOST_SUMMANDS) return tf.addN([...tensors]);
  return addAll([tf.addN(tensors.slice(0, MOST_SUMMANDS)), ...tensors.slice(MOST_SUMMANDS)]);
}

const combineKernel = defineKernel<CombineAttributes>(
  'combine',
  (memory, inputs, { coefficients, lists }) =>
    Array.from({ length: lists }, (_, list) => {
      const { shape } = input(inputs, nameOf(list, 0));
      const y = memory.output(shape);
      const addresses = coefficients.map((_, i) => memory.input(input(inputs, nameOf(list, i))));
      sumInto(memory, { coefficients, addresses, to: y.address, size: sizeOf(shape) });
      return y.info;
    }),
  (call, { coefficients, lists }) =>
    Array.from({ length: lists }, (_, list) =>
      call.one(
        'Combine',
        coefficients.map((_, i) => nameOf(list, i)),
        { numbers: coefficients },
      ),
    ),
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
  Object.fromEntries(
    slopes.flatMap((dy, list) =>
      coefficients.map((factor, i): [string, Tensor] => [nameOf(list, i), combine([factor], [dy])]),
    ),
  ),
);

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
      const size = sizeOf(tensor.shape);
      if (memory.simd) sum += memory.simd.squares(4 * x, size);
      else for (let i = x; i < x + size; i++) sum += (heap[i] ?? 0) ** 2;
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

/** What becomes of a parameter and of its moments. */
export type AdamUpdated = Omit<AdamTensors, 'gradient'>;

/** AdamW updates (Loshchilov and Hutter 2019) as one operation: new parameters and moments. */
export function adamUpdates(
  all: readonly { readonly tensors: AdamTensors; readonly rates: AdamRates }[],
): AdamUpdated[] {
  if (!fused()) return all.map(({ tensors, rates }) => tf.tidy(() => composedAdam(tensors, rates)));
  const named = all.flatMap(({ tensors }, i) =>
    Object.entries(tensors).map(([role, tensor]) => [`${role}${i}`, tensor as Tensor] as const),
  );
  const found = adamKernel(Object.fromEntries(named), { rates: all.map(({ rates }) => rates) });
  return all.map((_, i) => {
    const [parameter, one, two] = found.slice(3 * i, 3 * i + 3);
    if (!parameter || !one || !two)
      throw new Error('internal error: an update gave too little; please report it');
    return { parameter, first: one, second: two };
  });
}

function composedAdam(
  { parameter, gradient, first: one, second: two }: AdamTensors,
  rates: AdamRates,
): AdamUpdated {
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

const adamKernel = defineKernel<{ readonly rates: readonly AdamRates[] }>(
  'adam',
  (memory, inputs, { rates }) =>
    rates.flatMap((own, i) => {
      const tensor = input(inputs, `parameter${i}`);
      const made = [0, 1, 2].map(() => memory.output(tensor.shape));
      const read = roles.map((role) => memory.input(input(inputs, `${role}${i}`)));
      const size = sizeOf(tensor.shape);
      moveAll(memory, { read, written: made.map(({ address }) => address), size, rates: own });
      return made.map(({ info }) => info);
    }),
  (call, { rates }) =>
    rates.flatMap((own, i) =>
      call.ours(
        'Adam',
        roles.map((role) => `${role}${i}`),
        { numbers: numbersOf(own), outputs: 3 },
      ),
    ),
);

const roles = ['parameter', 'gradient', 'first', 'second'] as const;

/** beta1, 1 - beta1, beta2, 1 - beta2, what decay leaves, the rate and the factor of the second moment, epsilon. */
type AdamNumbers = readonly [number, number, number, number, number, number, number, number];

function numbersOf({ rate, beta1, beta2, epsilon, weightDecay, step }: AdamRates): AdamNumbers {
  const kept = 1 - rate * weightDecay;
  const corrected = [rate / (1 - beta1 ** step), 1 / (1 - beta2 ** step)] as const;
  return [beta1, 1 - beta1, beta2, 1 - beta2, kept, ...corrected, epsilon];
}

interface Move {
  /** Parameter, gradient and moments; and where parameter and moments go. */
  readonly read: readonly Address[];
  readonly written: readonly Address[];
  readonly size: number;
  readonly rates: AdamRates;
}

function moveAll(memory: Memory, { read, written, size, rates }: Move): void {
  const numbers = numbersOf(rates);
  const [p = 0, g = 0, m = 0, v = 0] = read;
  const [next = 0, one = 0, two = 0] = written;
  if (memory.simd) {
    memory.simd.adam(4 * p, 4 * g, 4 * m, 4 * v, 4 * next, 4 * one, 4 * two, size, ...numbers);
    return;
  }
  const [beta1, rest1, beta2, rest2, kept, rate, correction, epsilon] = numbers;
  const heap = memory.heap();
  for (let i = 0; i < size; i++) {
    const gradient = heap[g + i] ?? 0;
    const first = beta1 * (heap[m + i] ?? 0) + rest1 * gradient;
    const second = beta2 * (heap[v + i] ?? 0) + rest2 * gradient * gradient;
    heap[one + i] = first;
    heap[two + i] = second;
    heap[next + i] = kept * (heap[p + i] ?? 0) - (rate * first) / (Math.sqrt(second * correction) + epsilon);
  }
}
