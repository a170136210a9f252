/** TensorFlow.js's WebGPU backend on Dawn, made fit for Node: it reads synchronously, repeats to the bit, and gives memory back. */
import type { TypedArray } from '@tensorflow/tfjs';
import { createRequire } from 'node:module';
import { StageFailure } from '../../runner/contract.js';
import { err, ok, type Result } from '../../schemas/result.js';
import type { EngineInfo } from './engine-info.js';
import { firstLine } from './native.js';
import { dawnVersion } from './places.js';
import { proveEngine } from './proof.js';
import { tf } from './tf.js';
import { adapterName, openDawn, tick, type Dawn, type GpuBuffer } from './webgpu-device.js';
import { registerWebgpuSegmentSum } from './webgpu-segment-sum.js';

interface TensorData {
  values: TypedArray | null;
  readonly dtype: 'float32' | 'int32' | 'bool';
  readonly resource: GpuBuffer | null;
}

/** The parts of the backend that are used or replaced here. */
interface Backend {
  readonly tensorMap: { get(id: object): TensorData };
  readonly bufferManager: BufferManager;
  commandEncoder: { copyBufferToBuffer(from: GpuBuffer, at: 0, to: GpuBuffer, start: 0, size: number): void };
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
  readSync(id: object): TypedArray;
  uploadToGPU(id: object): void;
}

interface BufferManager {
  numBytesUsed: number;
  numBytesAllocated: number;
  numFreeBuffers: number;
  readonly freeBuffers: Map<string, GpuBuffer[]>;
  acquireBuffer(size: number, usage: number): GpuBuffer;
  releaseBuffer(buffer: GpuBuffer): void;
}

/** MAP_READ | COPY_DST, and the mode READ. */
const STAGING = 0x1 | 0x8;
const READ = 0x1;

/** Split sums of products add up by atomic operations, in another order each time: this one goes by tiles. */
const TILED = 3;

let started = false;

export async function startWebgpu(): Promise<Result<EngineInfo, string>> {
  try {
    const dawn = await openDawn();
    if (!dawn.ok) return dawn;
    if (!started) register(dawn.value);
    started = true;
    if (!(await tf.setBackend('webgpu'))) return err('TensorFlow.js could not start its webgpu backend');
    const wrong = proveEngine();
    if (wrong !== undefined) return err(`${adapterName(dawn.value.adapter)} ${wrong}`);
    return ok({
      backend: 'webgpu',
      version: `${tf.version_core} on Dawn ${dawnVersion}`,
      threads: 0,
      device: adapterName(dawn.value.adapter),
    });
  } catch (error) {
    return err(firstLine(error));
  }
}

function register(dawn: Dawn): void {
  const { WebGPUBackend } = createRequire(import.meta.url)('@tensorflow/tfjs-backend-webgpu') as {
    WebGPUBackend: new (device: unknown, info: unknown) => Backend;
  };
  const make = (): Backend =>
    withGpu(dawn, () => mend(new WebGPUBackend(dawn.device, dawn.adapter.info), dawn.failure));
  // The backend of the package would ask for an adapter of its own.
  tf.registerBackend('webgpu', make as unknown as Parameters<typeof tf.registerBackend>[1]);
  tf.env().set('WEBGPU_MATMUL_PROGRAM_TYPE', TILED);
  registerWebgpuSegmentSum();
}

/** The backend looks for `navigator.gpu` while it is made; nobody else should find it. */
function withGpu<T>({ gpu }: Dawn, body: () => T): T {
  const before = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
  Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true });
  try {
    return body();
  } finally {
    if (before) Object.defineProperty(globalThis, 'navigator', before);
    else Reflect.deleteProperty(globalThis, 'navigator');
  }
}

function mend(backend: Backend, failure: () => string | undefined): Backend {
  backend.readSync = (id) => {
    const data = backend.tensorMap.get(id);
    data.values ??= read(backend, data);
    const failed = failure();
    if (failed !== undefined)
      throw new StageFailure('resource', 'webgpu', `the webgpu engine failed: ${failed}`);
    return data.values;
  };
  keepIndices(backend);
  return backend;
}

/** Looks for finished work before the processor is given away between them, 0.05 ms each; nobody rings. */
const PATIENCE = 2000;
const bell = new Int32Array(new SharedArrayBuffer(4));

/** As shipped it reads through a canvas, which Node has not. */
function read(backend: Backend, { resource, dtype }: TensorData): TypedArray {
  if (!resource)
    throw new Error('internal error: a tensor lies neither here nor on the GPU; please report it');
  const staging = backend.bufferManager.acquireBuffer(resource.size, STAGING);
  backend.ensureCommandEncoderReady();
  backend.endComputePassEncoder();
  backend.commandEncoder.copyBufferToBuffer(resource, 0, staging, 0, resource.size);
  backend.submitQueue();
  // Whether it succeeds, mapState says sooner than the promise.
  staging.mapAsync(READ).catch(() => undefined);
  for (let looked = 0; staging.mapState === 'pending'; looked++) {
    tick();
    if (looked > PATIENCE) Atomics.wait(bell, 0, 0, 0.05);
  }
  const bytes = staging.getMappedRange().slice(0);
  staging.unmap();
  backend.bufferManager.releaseBuffer(staging);
  trim(backend.bufferManager);
  return dtype === 'float32' ? new Float32Array(bytes) : new Int32Array(bytes);
}

/** Indices stay at hand when they are uploaded: the gradient of a gather sorts them here, without reading them back. */
function keepIndices(backend: Backend): void {
  const upload = backend.uploadToGPU.bind(backend);
  backend.uploadToGPU = (id) => {
    const data = backend.tensorMap.get(id);
    const { values, dtype } = data;
    upload(id);
    if (dtype === 'int32') data.values = values;
  };
}

/** Released buffers are kept by their size for ever; texts of ever new lengths would fill the card with them. */
function trim(manager: BufferManager): void {
  const free = manager.numBytesAllocated - manager.numBytesUsed;
  if (free < Math.max(2 ** 28, manager.numBytesUsed)) return;
  for (const buffers of manager.freeBuffers.values()) {
    for (const buffer of buffers.splice(0)) {
      manager.numBytesAllocated -= buffer.size;
      manager.numFreeBuffers--;
      buffer.destroy();
    }
  }
}
