import type { ArtifactType } from '../../../schemas/artifact.js';
import type { JsonObject } from '../../../schemas/json.js';
import type { Failure } from '../../../schemas/protocol.js';
import type { Result } from '../../../schemas/result.js';
import type { KindRegistry } from '../../contract.js';

/** The engine as the worker sees it: cli/ joins it to the stages, since the runner knows no TensorFlow.js. */
export interface EngineHost {
  /** Loads and starts the engine; answers with what the record keeps of it (backend, version, threads). */
  start(backend: string | undefined): Promise<JsonObject>;
  /** What the engine holds now; undefined where it isn't loaded. */
  memory(): { readonly tensors: number; readonly bytes: number } | undefined;
}

/** What a worker process is made of. */
export interface WorkerHost {
  readonly kinds: KindRegistry;
  readonly engine: EngineHost;
  /** Content digest of a finished output. */
  digest(
    type: ArtifactType,
    path: string,
  ): Promise<Result<{ readonly digest: string; readonly bytes: number }, Failure>>;
  /** Wall clock in ms. */
  now(): number;
}
