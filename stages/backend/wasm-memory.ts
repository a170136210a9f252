/** The heap of tfjs-backend-wasm, and XNNPACK's matrix product on any part of it. */
import type { DataId, TensorInfo } from '@tensorflow/tfjs';
import { type Address, type Memory, type Output, type Product } from './memory.js';
import { openSimd, type Simd, type HeapMemory } from './simd.js';
import { checkWarnings } from './wasm-failure.js';

/** The parts of the backend that a kernel uses; the package exports no type for them. */
export interface WasmBackend {
  readonly wasm: {
    readonly asm: { readonly memory: HeapMemory };
    readonly HEAPF32: Float32Array;
    readonly HEAP32: Int32Array;
    /** After `failWithoutMemory` never 0. */
    _malloc(bytes: number): number;
    _free(pointer: number): void;
    _BatchMatMul(
      a: number,
      aShape: number,
      aRank: number,
      b: number,
      bShape: number,
      bRank: number,
      transposeA: number,
      transposeB: number,
      out: number,
    ): void;
    readonly tfjs: {
      registerTensor(id: number, size: number, pointer: number): void;
      disposeData(id: number): void;
    };
  };
  readonly dataIdMap: { get(id: DataId): { readonly memoryOffset: number; readonly id: number } };
  makeOutput(shape: number[], dtype: 'float32' | 'int32'): TensorInfo;
}

/** Names of our views in the engine's table of tensors, far above those it gives out itself. */
const A = 2 ** 30;
const B = A + 1;
const OUT = A + 2;

/** Scratch memory that lives as long as the engine and is handed out anew to each kernel. */
interface Arena {
  pointer: number;
  bytes: number;
  used: number;
  /** Two shapes of rank 3 for the product. */
  readonly shapes: number;
  readonly simd: Simd;
  /** Blocks outgrown while a kernel still used them. */
  readonly outgrown: number[];
}

const arenas = new WeakMap<object, Arena>();

export function openWasmMemory(backend: unknown): Memory {
  const engine = backend as WasmBackend;
  let arena = arenas.get(engine);
  if (!arena) {
    const shapes = engine.wasm._malloc(24) >>> 0;
    arena = { pointer: 0, bytes: 0, used: 0, shapes, simd: openSimd(engine.wasm.asm.memory), outgrown: [] };
    arenas.set(engine, arena);
  }
  return new WasmMemory(engine, arena);
}

class WasmMemory implements Memory {
  readonly #engine: WasmBackend;
  readonly #arena: Arena;

  constructor(engine: WasmBackend, arena: Arena) {
    this.#engine = engine;
    this.#arena = arena;
    arena.used = 0;
  }

  get simd(): Simd {
    return this.#arena.simd;
  }

  heap(): Float32Array {
    return this.#engine.wasm.HEAPF32;
  }

  input(tensor: TensorInfo): Address {
    return this.#engine.dataIdMap.get(tensor.dataId).memoryOffset / 4;
  }

  output(shape: readonly number[]): Output {
    const info = this.#engine.makeOutput([...shape], 'float32');
    return { info, address: this.input(info) };
  }

  scratch(size: number): Address {
    const arena = this.#arena;
    const bytes = Math.ceil(size / 4) * 16;
    if (arena.used + bytes > arena.bytes) this.#grow(bytes);
    const pointer = arena.pointer + arena.used;
    arena.used += bytes;
    return pointer / 4;
  }

  #grow(bytes: number): void {
    const arena = this.#arena;
    const size = Math.max(bytes, 2 * arena.bytes, 2 ** 20);
    const pointer = this.#engine.wasm._malloc(size) >>> 0;
    if (arena.bytes > 0) arena.outgrown.push(arena.pointer);
    arena.bytes = size;
    arena.pointer = pointer;
    arena.used = 0;
  }

  multiply({ m, k, n, a, b, out, weight }: Product): void {
    const { wasm, dataIdMap } = this.#engine;
    const shapes = this.#arena.shapes;
    const right = weight ? dataIdMap.get(weight.dataId).id : B;
    wasm.HEAP32.set([1, m, k, 1, k, n], shapes / 4);
    wasm.tfjs.registerTensor(A, m * k, a * 4);
    if (!weight) wasm.tfjs.registerTensor(B, k * n, b * 4);
    wasm.tfjs.registerTensor(OUT, m * n, out * 4);
    wasm._BatchMatMul(A, shapes, 3, right, shapes + 12, 3, 0, 0, OUT);
    wasm.tfjs.disposeData(A);
    if (!weight) wasm.tfjs.disposeData(B);
    wasm.tfjs.disposeData(OUT);
    checkWarnings();
  }

  close(): void {
    for (const pointer of this.#arena.outgrown.splice(0)) this.#engine.wasm._free(pointer);
  }
}
