/**
 * BatchMatMul for wasm that transposes first. As shipped, a transposed operand (both products of every
 * gradient) or a batch takes a plain loop instead of XNNPACK.
 */
import type { KernelConfig, TensorInfo } from '@tensorflow/tfjs';
import { sizeOf, transpose, type Memory } from './memory.js';
import { tf } from './tf.js';
import { openWasmMemory, type WasmBackend } from './wasm-memory.js';

interface MatMulArguments {
  readonly inputs: { readonly a: TensorInfo; readonly b: TensorInfo };
  readonly backend: WasmBackend;
  readonly attrs: { readonly transposeA: boolean; readonly transposeB: boolean };
}

let shipped: KernelConfig | undefined;

export function registerWasmMatMul(): void {
  if (shipped) return;
  shipped = tf.getKernel('BatchMatMul', 'wasm');
  tf.unregisterKernel('BatchMatMul', 'wasm');
  tf.registerKernel({
    kernelName: 'BatchMatMul',
    backendName: 'wasm',
    kernelFunc: (args) => matMul(args as unknown as MatMulArguments),
  });
}

/** Puts TensorFlow.js's own kernel back: for measuring one against the other. */
export function restoreShippedMatMul(): void {
  if (!shipped) return;
  tf.unregisterKernel('BatchMatMul', 'wasm');
  tf.registerKernel(shipped);
  shipped = undefined;
}

function matMul({ inputs: { a, b }, backend, attrs }: MatMulArguments): TensorInfo {
  const { transposeA, transposeB } = attrs;
  const [aRows = 1, aColumns = 1] = a.shape.slice(-2);
  const [bRows = 1, bColumns = 1] = b.shape.slice(-2);
  const [m, k] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
  const n = transposeB ? bRows : bColumns;
  const outer = tf.broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const out = backend.makeOutput([...outer, m, n], 'float32');
  const batch = sizeOf(outer);
  if (batch === 1 && !transposeA && !transposeB) {
    const memory = openWasmMemory(backend);
    memory.multiply({ m, k, n, a: memory.input(a), b: memory.input(b), out: memory.input(out), weight: b });
    return out;
  }
  multiplyBatch(openWasmMemory(backend), { a, b, out, batch, m, k, n, transposeA, transposeB });
  return out;
}

interface Batch {
  readonly a: TensorInfo;
  readonly b: TensorInfo;
  readonly out: TensorInfo;
  readonly batch: number;
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

function multiplyBatch(memory: Memory, { a, b, out, batch, m, k, n, transposeA, transposeB }: Batch): void {
  const aScratch = transposeA ? memory.scratch(m * k) : 0;
  const bScratch = transposeB ? memory.scratch(k * n) : 0;
  const aCount = sizeOf(a.shape) / (m * k);
  const bCount = sizeOf(b.shape) / (k * n);
  for (let i = 0; i < batch; i++) {
    let left = memory.input(a) + (i % aCount) * m * k;
    let right = memory.input(b) + (i % bCount) * k * n;
    if (transposeA) transpose(memory, left, k, m, aScratch);
    if (transposeB) transpose(memory, right, n, k, bScratch);
    if (transposeA) left = aScratch;
    if (transposeB) right = bScratch;
    memory.multiply({ m, k, n, a: left, b: right, out: memory.input(out) + i * m * n });
  }
  memory.close();
}
