/** Loops of four floats at a time over the heap of tfjs-backend-wasm: `assembly/` has their sources and says what each does. */
import { simdCode } from './simd-code.js';

/** Addresses count bytes. */
type Loop<Of extends readonly number[], Result = void> = (...of: Of) => Result;

export interface Simd {
  readonly gelu: Loop<[x: number, y: number, count: number]>;
  readonly geluGradient: Loop<[x: number, dy: number, dx: number, count: number]>;
  readonly logSoftmax: Loop<[at: number, rows: number, columns: number]>;
  readonly logSoftmaxGradient: Loop<[y: number, dy: number, dx: number, columns: number, less: number]>;
  readonly entropy: Loop<[p: number, columns: number], number>;
  readonly addToRows: Loop<[bias: number, y: number, rows: number, columns: number]>;
  readonly sumRows: Loop<[from: number, rows: number, columns: number, sums: number]>;
  readonly transpose: Loop<[from: number, rows: number, columns: number, to: number]>;
  readonly scaled: Loop<[x: number, y: number, factor: number, count: number]>;
  readonly plusScaled: Loop<[x: number, y: number, factor: number, count: number]>;
  readonly squares: Loop<[x: number, count: number], number>;
  readonly layerNorm: Loop<
    [
      ...[x: number, gain: number, bias: number, y: number, statistics: number],
      ...[rows: number, columns: number, epsilon: number],
    ]
  >;
  readonly layerNormGradient: Loop<
    [
      ...[x: number, gain: number, statistics: number, dy: number, dx: number, dgain: number, dbias: number],
      ...[rows: number, columns: number],
    ]
  >;
  readonly adam: Loop<
    [
      ...[p: number, g: number, m: number, v: number, next: number, one: number, two: number, count: number],
      ...[kept: number, factor: number, beta1: number, rest1: number, beta2: number, rest2: number],
      ...[rate: number, correction: number, epsilon: number],
    ]
  >;
  readonly attend: Loop<
    [
      ...[q: number, k: number, v: number, row: number, out: number, width: number, weights: number],
      ...[parents: number, depths: number, n: number, p: number, d: number, space: number],
    ]
  >;
  readonly attendCached: Loop<
    [
      ...[query: number, out: number, prompt: number, promptRow: number, promptCount: number],
      ...[nodes: number, chain: number, chainCount: number],
      ...[heads: number, keyHeads: number, d: number, factor: number, scores: number],
    ]
  >;
  readonly attendGradient: Loop<
    [
      ...[q: number, k: number, v: number, row: number, dy: number, width: number, weights: number],
      ...[parents: number, depths: number, n: number, p: number, d: number],
      ...[dq: number, dk: number, dv: number, space: number],
    ]
  >;
}

/** A WebAssembly.Memory: the types of Node's globals lack it. */
export type HeapMemory = object;

declare const WebAssembly: {
  readonly Module: new (code: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: { readonly env: { readonly memory: HeapMemory; log(x: number): number } },
  ) => { readonly exports: unknown };
};

let compiled: object | undefined;

/** The loops over one memory. */
export function openSimd(memory: HeapMemory): Simd {
  compiled ??= new WebAssembly.Module(Buffer.from(simdCode, 'base64'));
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory, log: Math.log } });
  return exports as Simd;
}
