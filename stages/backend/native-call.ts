/** Calls of operations of TensorFlow and of our kernels there (`kernels/`), through the addon of tfjs-node. */
import type { Tensor, TensorInfo } from '@tensorflow/tfjs';

/** The part of the addon that a call uses; the package exports no type for it. */
interface Binding {
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_BOOL: number;
  createTensor(shape: readonly number[], dtype: number, values: Float32Array | Int32Array): number;
  deleteTensor(id: number): void;
  executeOp(name: string, attributes: Attribute[], inputs: readonly number[], outputs: number): Made[];
}

interface Attribute {
  readonly name: string;
  readonly type: number;
  readonly value: number | boolean;
}

/** A tensor of TensorFlow's that no backend knows of yet. */
interface Made {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

export interface NativeBackend {
  readonly binding: Binding;
  readonly isUsingGpuDevice: boolean;
  getInputTensorIds(tensors: readonly TensorInfo[]): number[];
  createOutputTensor(made: Made): Tensor;
}

export type OpenNative = (backend: unknown, inputs: Readonly<Record<string, TensorInfo>>) => NativeCall;

export const openNativeCall: OpenNative = (backend, inputs) =>
  new NativeCall(backend as NativeBackend, inputs);

/** What a kernel of ours is called with beside tensors. */
interface With {
  /** One more tensor: numbers that change from call to call, which attributes of an operation must not. */
  readonly numbers?: ArrayLike<number>;
  readonly indices?: readonly Int32Array[];
  /** Default 1. */
  readonly outputs?: number;
}

/** One call of a kernel that TensorFlow.js sees as one. */
export class NativeCall {
  readonly #backend: NativeBackend;
  readonly #inputs: Readonly<Record<string, TensorInfo>>;

  constructor(backend: NativeBackend, inputs: Readonly<Record<string, TensorInfo>>) {
    this.#backend = backend;
    this.#inputs = inputs;
  }

  get names(): readonly string[] {
    return Object.keys(this.#inputs);
  }

  shapeOf(name: string): readonly number[] {
    return this.#input(name).shape;
  }

  /** The kernel MoftName of `kernels/` on named inputs. */
  ours(name: string, inputs: readonly string[], more: With = {}): Tensor[] {
    return this.#made(this.#ours(name, this.#ids(inputs), more));
  }

  /** One output of it. */
  one(name: string, inputs: readonly string[], more: With = {}): Tensor {
    const [tensor] = this.ours(name, inputs, more);
    if (!tensor) throw new Error(`internal error: ${name} gave nothing back; please report it`);
    return tensor;
  }

  /**
   * a b, with either turned, and a row added to each of its rows. TensorFlow's BatchMatMulV2, as TensorFlow.js has it:
   * MatMul of 2.21 with oneDNN (dnnl_threadpool_interop_sgemm on AVX-512) was seen to write outside of its workspace.
   */
  product(a: string, b: string, turn: { readonly a?: boolean; readonly b?: boolean }, bias?: string): Tensor {
    const { TF_ATTR_TYPE, TF_ATTR_BOOL, TF_FLOAT } = this.#backend.binding;
    const type = { name: 'T', type: TF_ATTR_TYPE, value: TF_FLOAT };
    const turned = [
      { name: 'adj_x', type: TF_ATTR_BOOL, value: turn.a ?? false },
      { name: 'adj_y', type: TF_ATTR_BOOL, value: turn.b ?? false },
    ];
    const [product] = this.#execute('BatchMatMulV2', [type, ...turned], this.#ids([a, b]), 1);
    if (!product) throw new Error('internal error: a product gave nothing back; please report it');
    if (bias === undefined) return this.#backend.createOutputTensor(product);
    const [tensor] = this.#made(
      this.#freeing([product.id], () =>
        this.#execute('BiasAdd', [type], [product.id, ...this.#ids([bias])], 1),
      ),
    );
    if (!tensor) throw new Error('internal error: a sum gave nothing back; please report it');
    return tensor;
  }

  #ours(name: string, floats: readonly number[], { numbers, indices = [], outputs = 1 }: With): Made[] {
    const { binding } = this.#backend;
    const { TF_ATTR_INT: type, TF_FLOAT, TF_INT32 } = binding;
    const own = [
      ...(numbers ? [binding.createTensor([numbers.length], TF_FLOAT, Float32Array.from(numbers))] : []),
      ...indices.map((values) => binding.createTensor([values.length], TF_INT32, values)),
    ];
    const counts = { n: floats.length + (numbers ? 1 : 0), m: indices.length, k: outputs };
    const attributes = Object.entries(counts).map(([name, value]) => ({ name, type, value }));
    return this.#freeing(own, () => this.#execute(`Moft${name}`, attributes, [...floats, ...own], outputs));
  }

  /** Tensors that no backend knows of go, whatever comes of the call. */
  #freeing(ids: readonly number[], call: () => Made[]): Made[] {
    try {
      return call();
    } finally {
      for (const id of ids) this.#backend.binding.deleteTensor(id);
    }
  }

  #execute(name: string, attributes: Attribute[], ids: readonly number[], outputs: number): Made[] {
    return this.#backend.binding.executeOp(name, attributes, ids, outputs);
  }

  #made(made: readonly Made[]): Tensor[] {
    return made.map((one) => this.#backend.createOutputTensor(one));
  }

  #ids(names: readonly string[]): number[] {
    return this.#backend.getInputTensorIds(names.map((name) => this.#input(name)));
  }

  #input(name: string): TensorInfo {
    const tensor = this.#inputs[name];
    if (!tensor) throw new Error(`internal error: a kernel misses its input ${name}; please report it`);
    return tensor;
  }
}
