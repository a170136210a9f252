/**
 * Kernels of our own, one operation where TensorFlow.js would take ten: at small widths the number of
 * operations is the price of a step. Each works on `Memory`, so the same code serves wasm and `cpu`;
 * a native engine gets the operation composed of TensorFlow.js's own (see `ops/`).
 */
import type { NamedAttrMap, Tensor, TensorInfo } from '@tensorflow/tfjs';
import type { Memory, OpenMemory } from './memory.js';
import { tf } from './tf.js';

export type Inputs = Readonly<Record<string, TensorInfo>>;

/** Computes outputs from inputs. `A` is plain data of the call: sizes, indices, rates. */
export type Kernel<A> = (memory: Memory, inputs: Inputs, attributes: A) => TensorInfo | TensorInfo[];

interface Definition {
  readonly name: string;
  readonly kernel: Kernel<never>;
}

const definitions: Definition[] = [];
const registered = new Set<string>();

/** Remembers a kernel until an engine starts; `run` calls it there. */
export function defineKernel<A>(
  name: string,
  kernel: Kernel<A>,
): (inputs: Readonly<Record<string, Tensor>>, attributes: A) => Tensor[] {
  const kernelName = `moft/${name}`;
  definitions.push({ name: kernelName, kernel });
  for (const [backend, open] of opened) register(backend, open);
  return (inputs, attributes) => {
    const result: unknown = tf.engine().runKernel(kernelName, inputs, attributes as unknown as NamedAttrMap);
    return Array.isArray(result) ? (result as Tensor[]) : [result as Tensor];
  };
}

/** What goes backward through a kernel: gradients of named inputs, from those of the outputs. */
export type Backward<A> = (dy: Tensor[], saved: Tensor[], attributes: A) => Readonly<Record<string, Tensor>>;

/** Saves the given inputs and outputs (by position) for the way back. */
export function defineGradient<A>(
  name: string,
  keep: { readonly inputs: string[]; readonly outputs?: boolean[] },
  backward: Backward<A>,
): void {
  tf.registerGradient({
    kernelName: `moft/${name}`,
    inputsToSave: keep.inputs,
    outputsToSave: keep.outputs ?? [],
    gradFunc: (dy, saved, attributes) => {
      // All at once and outside the engine's tidy of each single input.
      const gradients = backward(Array.isArray(dy) ? dy : [dy], saved, attributes as unknown as A);
      return Object.fromEntries(
        Object.entries(gradients).map(([input, gradient]) => [input, () => gradient]),
      );
    },
  });
}

const opened = new Map<string, OpenMemory>();

/** Registers all kernels, those defined later too, with a backend. */
export function registerFusedKernels(backend: string, open: OpenMemory): void {
  opened.set(backend, open);
  register(backend, open);
}

function register(backend: string, open: OpenMemory): void {
  for (const { name, kernel } of definitions) {
    if (registered.has(`${backend}/${name}`)) continue;
    registered.add(`${backend}/${name}`);
    tf.registerKernel({
      kernelName: name,
      backendName: backend,
      kernelFunc: ({ inputs, backend: engine, attrs }) => {
        const memory = open(engine);
        // Now, since an arena grows by them: a kernel may hold a view of it while it asks where an input lies.
        for (const tensor of Object.values(inputs as unknown as Inputs)) memory.input(tensor);
        const outputs = (kernel as Kernel<unknown>)(memory, inputs as unknown as Inputs, attrs);
        memory.close();
        return outputs;
      },
    });
  }
}

let allowed = true;

/** Whether the running engine has our kernels. */
export function fused(): boolean {
  return allowed && opened.has(tf.getBackend());
}

/** Runs with operations composed of TensorFlow.js's own: what the kernels are tested and measured against. */
export function withoutFusedKernels<T>(body: () => T): T {
  allowFusedKernels(false);
  try {
    return body();
  } finally {
    allowFusedKernels(true);
  }
}

export function allowFusedKernels(allow: boolean): void {
  allowed = allow;
}

/** A named input that must be there. */
export function input(inputs: Inputs, name: string): TensorInfo {
  const tensor = inputs[name];
  if (!tensor) throw new Error(`internal error: a kernel misses its input ${name}; please report it`);
  return tensor;
}

/** The only tensor of a list. */
export function first(tensors: readonly Tensor[]): Tensor {
  const [tensor] = tensors;
  if (!tensor) throw new Error('internal error: a kernel gave nothing back; please report it');
  return tensor;
}
