/** UnsortedSegmentSum, the gradient of gather, which tfjs-backend-wasm has not. */
import type { TensorInfo } from '@tensorflow/tfjs';
import { sizeOf } from './memory.js';
import { tf } from './tf.js';
import type { WasmBackend } from './wasm-memory.js';

interface SegmentSumArguments {
  readonly inputs: { readonly x: TensorInfo; readonly segmentIds: TensorInfo };
  readonly backend: WasmBackend;
  readonly attrs: { readonly numSegments: number };
}

export function registerWasmSegmentSum(): void {
  if (tf.getKernel('UnsortedSegmentSum', 'wasm') as unknown) return;
  tf.registerKernel({
    kernelName: 'UnsortedSegmentSum',
    backendName: 'wasm',
    kernelFunc: (args) => segmentSum(args as unknown as SegmentSumArguments),
  });
}

/** (S, ...) -> (segments, ...); ids outside the range are left out, as TensorFlow does. */
function segmentSum({
  inputs: { x, segmentIds },
  backend,
  attrs: { numSegments },
}: SegmentSumArguments): TensorInfo {
  const width = sizeOf(x.shape.slice(1));
  const out = backend.makeOutput([numSegments, ...x.shape.slice(1)], 'float32');
  const address = (tensor: TensorInfo): number => backend.dataIdMap.get(tensor.dataId).memoryOffset / 4;
  const [from, to, ids] = [address(x), address(out), address(segmentIds)];
  const heap = backend.wasm.HEAPF32;
  heap.fill(0, to, to + numSegments * width);
  for (let row = 0; row < (x.shape[0] ?? 0); row++) {
    const segment = backend.wasm.HEAP32[ids + row] ?? -1;
    if (segment < 0 || segment >= numSegments) continue;
    const sum = to + segment * width;
    for (let c = 0; c < width; c++)
      heap[sum + c] = (heap[sum + c] ?? 0) + (heap[from + row * width + c] ?? 0);
  }
  return out;
}
