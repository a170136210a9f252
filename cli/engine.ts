/** Joins the worker to the engine of the stages: loaded when the first cell needs it, asked for its memory after each. */
import type { EngineHost } from '../runner/execute/worker/host.js';

/** TensorFlow.js keeps its one engine under this name, whoever loaded it. */
interface EngineGlobal {
  readonly _tfengine?: { readonly state: { readonly numTensors: number; readonly numBytes: number } };
}

export const engineHost: EngineHost = {
  async start(backend) {
    const { startEngine } = await import('../stages/backend/engine.js');
    const info = await startEngine(isEngineName(backend) ? backend : undefined);
    return { backend: info.backend, engine: info.version, threads: info.threads };
  },
  memory() {
    const engine = (globalThis as EngineGlobal)._tfengine;
    if (!engine) return undefined;
    const { numTensors, numBytes } = engine.state;
    return { tensors: numTensors, bytes: numBytes };
  },
};

function isEngineName(name: string | undefined): name is 'wasm' | 'tensorflow' | 'cpu' {
  return name === 'wasm' || name === 'tensorflow' || name === 'cpu';
}
