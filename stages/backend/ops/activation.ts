/** Pointwise activations of feed-forward layers. */
import type { Tensor2D } from '@tensorflow/tfjs';
import { unreachable } from '../../../schemas/result.js';
import { exp } from '../exp.js';
import { defineGradient, defineKernel, first, fused, input } from '../fused.js';
import { sizeOf, type Address, type Memory } from '../memory.js';
import { tf } from '../tf.js';

export type Activation = 'gelu_new' | 'gelu' | 'relu' | 'silu';

interface Attributes {
  readonly kind: Activation;
}

/** gelu_new: x sigma(2u), u = sqrt(2/pi) (x + 0.044715 x^3), which is the tanh form (Hendrycks and Gimpel 2016). */
export function activation(x: Tensor2D, kind: Activation): Tensor2D {
  return fused() ? (first(forward({ x }, { kind })) as Tensor2D) : tf.tidy(() => composedActivation(x, kind));
}

export function composedActivation(x: Tensor2D, kind: Activation): Tensor2D {
  switch (kind) {
    case 'gelu_new':
      return x.mul(
        x
          .mul(2 * ROOT)
          .add(x.pow(3).mul(2 * ROOT * CUBIC))
          .sigmoid(),
      );
    case 'gelu':
      return x.mul(x.mul(Math.SQRT1_2).erf().add(1).mul(0.5));
    case 'relu':
      return x.relu();
    case 'silu':
      return x.mul(x.sigmoid());
    default:
      return unreachable(kind);
  }
}

/** As kernels/pointwise.h tells them apart. */
export function kindNumber(kind: Activation): Int32Array {
  return Int32Array.of((['gelu_new', 'gelu', 'relu', 'silu'] satisfies Activation[]).indexOf(kind));
}

const ROOT = Math.sqrt(2 / Math.PI);
const CUBIC = 0.044715;

const forward = defineKernel<Attributes>(
  'activation',
  (memory, inputs, { kind }) => {
    const tensor = input(inputs, 'x');
    const y = memory.output(tensor.shape);
    activate(memory, kind, { x: memory.input(tensor), y: y.address, size: sizeOf(tensor.shape) });
    return y.info;
  },
  (call, { kind }) => call.one('Activation', ['x'], { indices: [kindNumber(kind)] }),
);

/** The plain loop; y may be x. */
export function activate(
  memory: Memory,
  kind: Activation,
  { x, y, size }: { readonly x: Address; readonly y: Address; readonly size: number },
): void {
  if (kind === 'gelu_new' && memory.simd) {
    memory.simd.gelu(4 * x, 4 * y, size);
    return;
  }
  const heap = memory.heap();
  switch (kind) {
    case 'gelu_new':
      for (let i = 0; i < size; i++) {
        const v = heap[x + i] ?? 0;
        heap[y + i] = v / (1 + exp(-2 * ROOT * (v + CUBIC * v * v * v)));
      }
      return;
    case 'gelu':
      for (let i = 0; i < size; i++) heap[y + i] = (heap[x + i] ?? 0) * normalCdf(heap[x + i] ?? 0);
      return;
    case 'relu':
      for (let i = 0; i < size; i++) heap[y + i] = Math.max(0, heap[x + i] ?? 0);
      return;
    case 'silu':
      for (let i = 0; i < size; i++) heap[y + i] = (heap[x + i] ?? 0) / (1 + exp(-(heap[x + i] ?? 0)));
      return;
    default:
      unreachable(kind);
  }
}

const backward = defineKernel<Attributes>(
  'activation-gradient',
  (memory, inputs, { kind }) => {
    const tensor = input(inputs, 'x');
    const dx = memory.output(tensor.shape);
    const x = memory.input(tensor);
    const dy = memory.input(input(inputs, 'dy'));
    const heap = memory.heap();
    const size = sizeOf(tensor.shape);
    const slope = slopes[kind];
    if (kind === 'gelu_new' && memory.simd) {
      memory.simd.geluGradient(4 * x, 4 * dy, 4 * dx.address, size);
    } else if (kind === 'gelu_new') {
      // Written out: this loop is a large part of a step.
      for (let i = 0; i < size; i++) {
        const v = heap[x + i] ?? 0;
        const sigma = 1 / (1 + exp(-2 * ROOT * (v + CUBIC * v * v * v)));
        heap[dx.address + i] =
          (heap[dy + i] ?? 0) * sigma * (1 + v * (1 - sigma) * 2 * ROOT * (1 + 3 * CUBIC * v * v));
      }
    } else {
      for (let i = 0; i < size; i++) heap[dx.address + i] = (heap[dy + i] ?? 0) * slope(heap[x + i] ?? 0);
    }
    return dx.info;
  },
  (call, { kind }) => call.one('ActivationGradient', ['x', 'dy'], { indices: [kindNumber(kind)] }),
);

export const slopes: Readonly<Record<Activation, (x: number) => number>> = {
  gelu_new: (x) => {
    const sigma = 1 / (1 + exp(-2 * ROOT * (x + CUBIC * x * x * x)));
    return sigma * (1 + x * (1 - sigma) * 2 * ROOT * (1 + 3 * CUBIC * x * x));
  },
  gelu: (x) => normalCdf(x) + (x * exp(-0.5 * x * x)) / Math.sqrt(2 * Math.PI),
  relu: (x) => (x > 0 ? 1 : 0),
  silu: (x) => {
    const sigma = 1 / (1 + exp(-x));
    return sigma * (1 + x * (1 - sigma));
  },
};

/** Standard normal distribution function, error below 1e-7 (Abramowitz and Stegun 7.1.26). */
function normalCdf(x: number): number {
  const z = Math.abs(x) * Math.SQRT1_2;
  const t = 1 / (1 + 0.3275911 * z);
  const series =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const upper = 0.5 * series * exp(-z * z);
  return x > 0 ? 1 - upper : upper;
}

defineGradient<Attributes>('activation', { inputs: ['x'] }, ([dy], [x], attributes) => {
  if (!dy || !x) throw new Error('internal error: an activation saved too little; please report it');
  return { x: first(backward({ x, dy }, attributes)) };
});
