/** Joins the worker to the engine of the stages: loaded when the first cell needs it, asked for its memory after each. */
import { StageFailure } from '../runner/contract.js';
import type { EngineHost } from '../runner/execute/worker/host.js';
import { engineNames, isEngineName } from '../stages/backend/engine-info.js';

/** TensorFlow.js keeps its one engine under this name, whoever loaded it. */
interface EngineGlobal {
  readonly _tfengine?: { readonly state: { readonly numTensors: number; readonly numBytes: number } };
}

export const engineHost: EngineHost = {
  async start(backend) {
    // Another engine than the one that was asked for would be a silent lie.
    if (backend !== undefined && !isEngineName(backend)) throw unknownEngine(backend);
    const { startEngine } = await import('../stages/backend/engine.js');
    const { version, note, ...info } = await startEngine(backend);
    return { ...info, engine: version, ...(note === undefined ? {} : { engineNote: note }) };
  },
  memory() {
    const engine = (globalThis as EngineGlobal)._tfengine;
    if (!engine) return undefined;
    const { numTensors, numBytes } = engine.state;
    return { tensors: numTensors, bytes: numBytes };
  },
};

function unknownEngine(name: string): StageFailure {
  return new StageFailure(
    'environment',
    'engine',
    `there is no engine ${JSON.stringify(name)}; the engines are ${engineNames.join(', ')}`,
  );
}
