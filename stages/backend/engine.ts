/** Which TensorFlow.js engine runs: wasm from npm, TensorFlow, WebGPU, or plain JavaScript. */
import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import { StageFailure } from '../../runner/contract.js';
import { err, ok, type Result } from '../../schemas/result.js';
import { openCpuMemory } from './cpu-memory.js';
import type { EngineInfo, EngineName } from './engine-info.js';
import { registerFusedKernels } from './fused.js';
import { findAddon, firstLine, startNative } from './native.js';
import { tf } from './tf.js';
import { failWithoutMemory, hearWarnings } from './wasm-failure.js';
import { openWasmMemory, type WasmBackend } from './wasm-memory.js';
import { registerWasmMatMul } from './wasm-matmul.js';
import { registerWasmSegmentSum } from './wasm-segment-sum.js';
import { startWebgpu } from './webgpu.js';

export type { EngineInfo, EngineName } from './engine-info.js';

const require = createRequire(import.meta.url);
let running: EngineInfo | undefined;

/**
 * Starts an engine, once a process; a second call answers with the running one. Without a name: TensorFlow where
 * its addon is there and computes, else wasm, and plain JavaScript as the last resort; `note` says what failed.
 * A named engine that does not start is a StageFailure.
 */
export async function startEngine(name?: EngineName): Promise<EngineInfo> {
  if (running && (name === undefined || running.backend === name)) return running;
  running = name === undefined ? await startBest() : await startNamed(name);
  return running;
}

async function startNamed(name: EngineName): Promise<EngineInfo> {
  const started = await starters[name]();
  if (started.ok) return started.value;
  const message = `the engine ${name} does not start: ${started.error}`;
  throw new StageFailure('environment', 'engine', message);
}

async function startBest(): Promise<EngineInfo> {
  const notes: string[] = [];
  const addon = findAddon();
  const none = addon.ok && addon.value === undefined;
  for (const name of ['tensorflow', 'wasm', 'cpu'] as const) {
    if (name === 'tensorflow' && none) continue;
    const started = await starters[name]();
    if (started.ok) return notes.length === 0 ? started.value : { ...started.value, note: notes.join('; ') };
    notes.push(`not ${name}: ${started.error}`);
  }
  throw new StageFailure('environment', 'engine', `no engine starts: ${notes.join('; ')}`);
}

type Start = () => Promise<Result<EngineInfo, string>>;

const starters: Readonly<Record<EngineName, Start>> = {
  wasm: startWasm,
  tensorflow: startNative,
  webgpu: startWebgpu,
  cpu: startCpu,
};

async function startCpu(): Promise<Result<EngineInfo, string>> {
  await tf.setBackend('cpu');
  registerFusedKernels('cpu', openCpuMemory);
  return ok({ backend: 'cpu', version: tf.version_core, threads: 1 });
}

async function startWasm(): Promise<Result<EngineInfo, string>> {
  try {
    const wasm = await import('@tensorflow/tfjs-backend-wasm');
    wasm.setWasmPaths(dirname(require.resolve('@tensorflow/tfjs-backend-wasm')) + sep);
    if (!(await hearWarnings(() => tf.setBackend('wasm')))) {
      return err('TensorFlow.js could not start its wasm backend; is WebAssembly SIMD there?');
    }
    failWithoutMemory((tf.backend() as unknown as WasmBackend).wasm);
    registerFusedKernels('wasm', openWasmMemory);
    registerWasmMatMul();
    registerWasmSegmentSum();
    return ok({ backend: 'wasm', version: tf.version_core, threads: wasm.getThreadsCount() });
  } catch (error) {
    return err(firstLine(error));
  }
}
