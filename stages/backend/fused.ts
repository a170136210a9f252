/**
 * Kernels of our own, one operation where TensorFlow.js would take ten: at small widths the number of
 * operations is the price of a step. Each works on `Memory`, so the same code serves wasm and `cpu`; TensorFlow's CPU
 * has them in C++ (`kernels/`), which `moft backend link` compiles into the addon. Any other engine gets the operation
 * composed of TensorFlow.js's own (see `ops/`).
 */
import type { KernelFunc, NamedAttrMap, Tensor, TensorInfo } from '@tensorflow/tfjs';
import type { Memory, OpenMemory } from './memory.js';
import type { NativeCall, OpenNative } from './native-call.js';
import { tf } from './tf.js';

export type Inputs = Readonly<Record<string, TensorInfo>>;

/** Computes outputs from inputs. `A` is plain data of the call: sizes, indices, rates. */
export type Kernel<A> = (memory: Memory, inputs: Inputs, attributes: A) => TensorInfo | TensorInfo[];

/** The same by TensorFlow: which of `kernels/` are called, and with what. */
export type Native<A> = (call: NativeCall, attributes: A) => TensorInfo | TensorInfo[];

interface Definition {
  readonly name: string;
  readonly kernel?: Kernel<never>;
  readonly native?: Native<never> | undefined;
}

/** Of a list the name of an input is its place. */
type Run<A> = (inputs: Readonly<Record<string, Tensor>> | readonly Tensor[], attributes: A) => Tensor[];

/** What an engine makes of a definition; nothing where it has no such kernel. */
type Serve = (definition: Definition) => KernelFunc | undefined;

const definitions: Definition[] = [];

/** Remembers a kernel until an engine starts; what is answered calls it there. */
export function defineKernel<A>(name: string, kernel: Kernel<A>, native?: Native<A>): Run<A> {
  return define({ name: `moft/${name}`, kernel, native });
}

/** The same of a kernel that is there in C++ alone. */
export function defineNativeKernel<A>(name: string, native: Native<A>): Run<A> {
  return define({ name: `moft/${name}`, native });
}

function define<A>(definition: Definition): Run<A> {
  definitions.push(definition);
  for (const [backend, serve] of serving) register(backend, serve, definition);
  return (inputs, attributes) => {
    const result: unknown = tf
      .engine()
      .runKernel(
        definition.name,
        inputs as Readonly<Record<string, Tensor>>,
        attributes as unknown as NamedAttrMap,
      );
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

const serving = new Map<string, Serve>();
const inMemory = new Set<string>();

/** Registers all kernels, those defined later too, with a backend whose memory is at hand. */
export function registerFusedKernels(backend: string, open: OpenMemory): void {
  inMemory.add(backend);
  serveKernels(
    backend,
    ({ kernel }) =>
      kernel &&
      (({ inputs, backend: engine, attrs }) => {
        const memory = open(engine, Object.values(inputs as unknown as Inputs));
        try {
          return (kernel as Kernel<unknown>)(memory, inputs as unknown as Inputs, attrs);
        } finally {
          memory.close();
        }
      }),
  );
}

/** Registers all kernels that are there in C++, those defined later too. */
export function registerNativeKernels(backend: string, open: OpenNative): void {
  serveKernels(backend, ({ native }) =>
    native
      ? ({ inputs, backend: engine, attrs }) =>
          (native as Native<unknown>)(open(engine, inputs as unknown as Inputs), attrs)
      : undefined,
  );
}

function serveKernels(backend: string, serve: Serve): void {
  if (serving.has(backend)) return;
  serving.set(backend, serve);
  for (const definition of definitions) register(backend, serve, definition);
}

function register(backendName: string, serve: Serve, definition: Definition): void {
  const kernelFunc = serve(definition);
  if (kernelFunc) tf.registerKernel({ kernelName: definition.name, backendName, kernelFunc });
}

let allowed = true;

/** Whether the running engine has our kernels. */
export function fused(): boolean {
  return allowed && serving.has(tf.getBackend());
}

/** Whether they are those in C++. */
export function fusedNatively(): boolean {
  return fused() && !inMemory.has(tf.getBackend());
}

/** Whether they work on memory that is at hand, so that reading a tensor there costs nothing. */
export function fusedInMemory(): boolean {
  return allowed && inMemory.has(tf.getBackend());
}

/** Whether that memory has vector loops, too. */
export function fusedWithVectors(): boolean {
  return allowed && tf.getBackend() === 'wasm';
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

/** An input that must be there. */
export function input(inputs: Inputs, name: string | number): TensorInfo {
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
