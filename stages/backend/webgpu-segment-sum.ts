/**
 * UnsortedSegmentSum, the gradient of gather, for WebGPU. As shipped it adds up by atomic operations, in another
 * order each time, so that no training repeats; here each sum goes through its rows in their order.
 */
import type { TensorInfo } from '@tensorflow/tfjs';
import { sizeOf } from './memory.js';
import { tf } from './tf.js';

interface Program {
  readonly variableNames: readonly string[];
  readonly outputShape: readonly number[];
  readonly uniforms: string;
  readonly workgroupSize: readonly [number, number, number];
  readonly size: true;
  readonly dispatchLayout: { readonly x: readonly number[] };
  readonly dispatch: readonly [number, number, number];
  readonly shaderKey: string;
  getUserCode(): string;
}

interface Backend {
  readSync(id: object): Int32Array;
  makeTensorInfo(shape: number[], dtype: 'int32', values: Int32Array): TensorInfo;
  disposeData(id: object): boolean;
  runWebGPUProgram(
    program: Program,
    inputs: TensorInfo[],
    dtype: 'float32',
    uniforms: { readonly type: 'int32'; readonly data: number[] }[],
  ): TensorInfo;
}

interface SegmentSumArguments {
  readonly inputs: { readonly x: TensorInfo; readonly segmentIds: TensorInfo };
  readonly backend: Backend;
  readonly attrs: { readonly numSegments: number };
}

export function registerWebgpuSegmentSum(): void {
  tf.unregisterKernel('UnsortedSegmentSum', 'webgpu');
  tf.registerKernel({
    kernelName: 'UnsortedSegmentSum',
    backendName: 'webgpu',
    kernelFunc: (args) => segmentSum(args as unknown as SegmentSumArguments),
  });
}

/** (S, ...) -> (segments, ...); ids outside the range are left out, as TensorFlow does. */
function segmentSum({
  inputs: { x, segmentIds },
  backend,
  attrs: { numSegments },
}: SegmentSumArguments): TensorInfo {
  const rest = x.shape.slice(1);
  const { starts, rows } = sortBySegment(backend.readSync(segmentIds.dataId), numSegments);
  const lists = [starts, rows].map((list) => backend.makeTensorInfo([list.length], 'int32', list));
  const shape = [numSegments, ...rest];
  const out = backend.runWebGPUProgram(program(shape), [x, ...lists], 'float32', [
    { type: 'int32', data: [sizeOf(rest)] },
  ]);
  for (const { dataId } of lists) backend.disposeData(dataId);
  return out;
}

/** rows[starts[s] .. starts[s + 1]] are those of segment s, ascending. */
function sortBySegment(
  ids: Int32Array,
  segments: number,
): { readonly starts: Int32Array; readonly rows: Int32Array } {
  const starts = new Int32Array(segments + 1);
  const inside = (id: number): boolean => id >= 0 && id < segments;
  for (const id of ids) if (inside(id)) starts[id + 1] = (starts[id + 1] ?? 0) + 1;
  for (let s = 0; s < segments; s++) starts[s + 1] = (starts[s + 1] ?? 0) + (starts[s] ?? 0);
  const next = starts.slice();
  // A buffer without elements cannot be bound.
  const rows = new Int32Array(Math.max(1, starts[segments] ?? 0));
  ids.forEach((id, row) => {
    if (!inside(id)) return;
    const at = next[id] ?? 0;
    rows[at] = row;
    next[id] = at + 1;
  });
  return { starts, rows };
}

const WORKGROUP = 64;

function program(outputShape: readonly number[]): Program {
  return {
    variableNames: ['x', 'starts', 'rows'],
    outputShape,
    uniforms: 'width : i32,',
    workgroupSize: [WORKGROUP, 1, 1],
    size: true,
    dispatchLayout: { x: outputShape.map((_, axis) => axis) },
    dispatch: [Math.ceil(sizeOf(outputShape) / WORKGROUP), 1, 1],
    shaderKey: 'moft-segment-sum',
    getUserCode: () => `
      fn main(index : i32) {
        if (index < uniforms.size) {
          let segment = index / uniforms.width;
          let column = index % uniforms.width;
          var sum = 0.0;
          for (var at = starts[segment]; at < starts[segment + 1]; at = at + 1) {
            sum = sum + x[rows[at] * uniforms.width + column];
          }
          setOutputAtIndex(index, sum);
        }
      }`,
  };
}
