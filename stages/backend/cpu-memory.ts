/** An arena for TensorFlow.js's plain JavaScript backend: slow, and the measure the wasm kernels are held against. */
import type { DataType, TensorInfo } from '@tensorflow/tfjs';
import { sizeOf, type Address, type Memory, type Output, type Product } from './memory.js';

interface CpuBackend {
  readSync(id: TensorInfo['dataId']): ArrayLike<number>;
  makeTensorInfo(shape: number[], dtype: DataType, values: Float32Array): TensorInfo;
}

export function openCpuMemory(backend: unknown, inputs: readonly TensorInfo[]): Memory {
  const memory = new CpuMemory(backend as CpuBackend);
  // Now, since the arena grows by them: a kernel may hold a view of it while it asks where an input lies.
  for (const tensor of inputs) memory.input(tensor);
  return memory;
}

class CpuMemory implements Memory {
  readonly #backend: CpuBackend;
  readonly #outputs: { values: Float32Array; address: Address }[] = [];
  readonly #inputs = new Map<TensorInfo['dataId'], Address>();
  #heap = new Float32Array(1024);
  #used = 0;

  constructor(backend: CpuBackend) {
    this.#backend = backend;
  }

  heap(): Float32Array {
    return this.#heap;
  }

  /** The same address however often it is asked for, as on wasm. */
  input(tensor: TensorInfo): Address {
    const known = this.#inputs.get(tensor.dataId);
    if (known !== undefined) return known;
    const values = this.#backend.readSync(tensor.dataId);
    const address = this.scratch(values.length);
    this.#heap.set(values, address);
    this.#inputs.set(tensor.dataId, address);
    return address;
  }

  output(shape: readonly number[]): Output {
    const values = new Float32Array(sizeOf(shape));
    const address = this.scratch(values.length);
    this.#outputs.push({ values, address });
    return { info: this.#backend.makeTensorInfo([...shape], 'float32', values), address };
  }

  scratch(size: number): Address {
    const address = this.#used;
    this.#used += size;
    if (this.#used > this.#heap.length) {
      const grown = new Float32Array(2 * this.#used);
      grown.set(this.#heap);
      this.#heap = grown;
    }
    return address;
  }

  multiply({ m, k, n, a, b, out }: Product): void {
    const heap = this.#heap;
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let l = 0; l < k; l++) sum += (heap[a + i * k + l] ?? 0) * (heap[b + l * n + j] ?? 0);
        heap[out + i * n + j] = sum;
      }
    }
  }

  close(): void {
    for (const { values, address } of this.#outputs)
      values.set(this.#heap.subarray(address, address + values.length));
  }
}
