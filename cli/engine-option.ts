import { engineNames, isEngineName } from '../stages/backend/engine-info.js';
import type { Options } from './command.js';
import { UsageError } from './exit.js';
import { text } from './options.js';

export const engineFlag = [
  '--backend <name>',
  'Engine: wasm, tensorflow, webgpu or cpu; default: tensorflow where it is installed, else wasm',
] as const;

/** The engine that `--backend` names. Whether it starts on this machine, its first cell tells. */
export function engineOption(options: Options): string | undefined {
  const backend = text(options, 'backend');
  if (backend === undefined || isEngineName(backend)) return backend;
  throw new UsageError(
    `--backend expects an engine, found ${JSON.stringify(backend)}`,
    `the engines are ${engineNames.join(', ')}; \`moft backend list\` shows which of them this machine has`,
  );
}
