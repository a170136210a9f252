/** activation(gate) * up in one operation (Shazeer 2020, "GLU variants improve transformer"). */
import type { Tensor2D } from '@tensorflow/tfjs';
import { defineGradient, defineKernel, first, fused, input } from '../fused.js';
import { sizeOf, type Address, type Memory } from '../memory.js';
import { tf } from '../tf.js';
import { activate, composedActivation, kindNumber, slopes, type Activation } from './activation.js';

interface Attributes {
  readonly kind: Activation;
}

/** (N, C), (N, C) -> (N, C). */
export function gated(gate: Tensor2D, up: Tensor2D, kind: Activation): Tensor2D {
  if (fused()) return first(forward({ gate, up }, { kind })) as Tensor2D;
  return tf.tidy(() => composedActivation(gate, kind).mul<Tensor2D>(up));
}

const forward = defineKernel<Attributes>(
  'gated',
  (memory, inputs, { kind }) => {
    const { shape } = input(inputs, 'gate');
    const y = memory.output(shape);
    const places = { gate: memory.input(input(inputs, 'gate')), up: memory.input(input(inputs, 'up')) };
    gate(memory, kind, { ...places, y: y.address, size: sizeOf(shape) });
    return y.info;
  },
  (call, { kind }) => call.one('Gated', ['gate', 'up'], { indices: [kindNumber(kind)] }),
);

interface Places {
  readonly gate: Address;
  readonly up: Address;
  /** May be `gate`. */
  readonly y: Address;
  readonly size: number;
}

/** The plain loop. */
export function gate(memory: Memory, kind: Activation, { gate: from, up, y, size }: Places): void {
  activate(memory, kind, { x: from, y, size });
  const heap = memory.heap();
  for (let i = 0; i < size; i++) heap[y + i] = (heap[y + i] ?? 0) * (heap[up + i] ?? 0);
}

const backward = defineKernel<Attributes>(
  'gated-gradient',
  (memory, inputs, { kind }) => {
    const { shape } = input(inputs, 'gate');
    const dgate = memory.output(shape);
    const dup = memory.output(shape);
    const [from = 0, up = 0, dy = 0] = ['gate', 'up', 'dy'].map((name) => memory.input(input(inputs, name)));
    const heap = memory.heap();
    const size = sizeOf(shape);
    const slope = slopes[kind];
    activate(memory, kind, { x: from, y: dup.address, size });
    for (let i = 0; i < size; i++) {
      const upper = heap[dy + i] ?? 0;
      heap[dup.address + i] = (heap[dup.address + i] ?? 0) * upper;
      heap[dgate.address + i] = upper * (heap[up + i] ?? 0) * slope(heap[from + i] ?? 0);
    }
    return [dgate.info, dup.info];
  },
  (call, { kind }) =>
    call.ours('GatedGradient', ['gate', 'up', 'dy'], { indices: [kindNumber(kind)], outputs: 2 }),
);

defineGradient<Attributes>('gated', { inputs: ['gate', 'up'] }, ([dy], [from, up], attributes) => {
  if (!dy || !from || !up) throw new Error('internal error: a gate saved too little; please report it');
  const [dgate, dup] = backward({ gate: from, up, dy }, attributes);
  if (!dgate || !dup) throw new Error('internal error: a gate gave no gradients; please report it');
  return { gate: dgate, up: dup };
});
