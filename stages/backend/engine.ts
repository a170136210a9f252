/** Which TensorFlow.js engine runs: wasm from npm, the native addon where it really loads, or plain JavaScript. */
import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import { StageFailure } from '../../runner/contract.js';
import { registerFusedKernels } from './fused.js';
import { openCpuMemory } from './cpu-memory.js';
import { tf } from './tf.js';
import { openWasmMemory } from './wasm-memory.js';
import { registerWasmMatMul } from './wasm-matmul.js';
import { registerWasmSegmentSum } from './wasm-segment-sum.js';

export type EngineName = 'wasm' | 'tensorflow' | 'cpu';

export interface EngineInfo {
  readonly backend: EngineName;
  /** Of TensorFlow.js, and of TensorFlow where it is native. */
  readonly version: string;
  /** 0: the engine decides. */
  readonly threads: number;
  /** Why it is not the faster one, where that was tried. */
  readonly note?: string;
}

const require = createRequire(import.meta.url);
const nativePackage = '@tensorflow/tfjs-node-gpu';
let running: EngineInfo | undefined;

/**
 * Starts an engine, once a process; a second call answers with the running one. Without a name: the native
 * addon where it loads and multiplies, else wasm. A named engine that does not start is a StageFailure.
 */
export async function startEngine(name?: EngineName): Promise<EngineInfo> {
  if (running && (name === undefined || running.backend === name)) return running;
  running = await start(name);
  return running;
}

async function start(name: EngineName | undefined): Promise<EngineInfo> {
  switch (name) {
    case 'cpu':
      return startCpu();
    case 'wasm':
      return startWasm();
    case 'tensorflow':
      return startNamedNative();
    case undefined: {
      const native = await startNative();
      return native.ok ? native.info : { ...(await startWasm()), note: native.reason };
    }
  }
}

async function startCpu(): Promise<EngineInfo> {
  await tf.setBackend('cpu');
  registerFusedKernels('cpu', openCpuMemory);
  return { backend: 'cpu', version: tf.version_core, threads: 1 };
}

async function startWasm(): Promise<EngineInfo> {
  const wasm = await import('@tensorflow/tfjs-backend-wasm');
  wasm.setWasmPaths(dirname(require.resolve('@tensorflow/tfjs-backend-wasm')) + sep);
  if (!(await tf.setBackend('wasm'))) {
    throw new StageFailure(
      'environment',
      'engine',
      'TensorFlow.js could not start its wasm backend; is WebAssembly SIMD there?',
    );
  }
  registerFusedKernels('wasm', openWasmMemory);
  registerWasmMatMul();
  registerWasmSegmentSum();
  return { backend: 'wasm', version: tf.version_core, threads: wasm.getThreadsCount() };
}

async function startNamedNative(): Promise<EngineInfo> {
  const native = await startNative();
  if (native.ok) return native.info;
  throw new StageFailure(
    'environment',
    'engine',
    `the native engine does not start: ${native.reason}; use wasm, or mend it`,
  );
}

type Native =
  { readonly ok: true; readonly info: EngineInfo } | { readonly ok: false; readonly reason: string };

/** Loads the addon and proves it with a product: a library that loads is not yet one that computes. */
async function startNative(): Promise<Native> {
  try {
    mendNodeUtil();
    const native = require(nativePackage) as { readonly node?: unknown };
    if (!native.node || !(await tf.setBackend('tensorflow')))
      return { ok: false, reason: `${nativePackage} registers no backend` };
    const product = tf.tidy(() => tf.matMul(tf.ones([2, 3]), tf.ones([3, 2])).arraySync());
    if (JSON.stringify(product) !== '[[3,3],[3,3]]')
      return { ok: false, reason: `${nativePackage} computes wrong products` };
    return {
      ok: true,
      info: {
        backend: 'tensorflow',
        version: `${tf.version_core} on TensorFlow ${nativeVersion()}`,
        threads: 0,
      },
    };
  } catch (error) {
    return { ok: false, reason: firstLine(error) };
  }
}

/** Of the library that the addon was linked with: the package's own number says nothing about it. */
function nativeVersion(): string {
  const { binding } = tf.backend() as unknown as { readonly binding?: { readonly TF_Version?: string } };
  return binding?.TF_Version ?? 'of unknown version';
}

/** tfjs-node calls util.isNullOrUndefined, which is gone from Node 23 on. */
function mendNodeUtil(): void {
  const util = require('node:util') as { isNullOrUndefined?: (x: unknown) => boolean };
  util.isNullOrUndefined ??= (x) => x === null || x === undefined;
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
