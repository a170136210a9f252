import type { KindRegistry, StageKind } from '../runner/contract.js';
import type { Pipeline } from '../runner/pipeline.js';
import type { JsonObject } from '../schemas/json.js';
import type { CliHost } from './host.js';

/**
 * The numeric environment of each kind's cells, which is part of their keys where a file says `reproducible: strict`.
 * An engine is started as a worker would start it: nothing else knows which one it will be.
 */
export async function strictEnvironment(
  pipeline: Pipeline,
  { registry, backend, host }: { registry: KindRegistry; backend: string | undefined; host: CliHost },
): Promise<(kind: StageKind) => JsonObject> {
  const { numericEnvironment } = await import('../runner/plan/index.js');
  const machine = { node: process.version, arch: process.arch };
  const needed = pipeline.cells.some(({ kind }) => registry.get(kind)?.engine === true);
  const engine = needed ? await (await host.engine()).start(backend) : {};
  return (kind) => numericEnvironment(kind.engine ? { ...machine, ...engine } : machine);
}
