import { availableParallelism, totalmem } from 'node:os';
import type { Cell } from '../pipeline.js';
import type { Demand } from './resources.js';

type Variables = Readonly<Record<string, string | undefined>>;

/** What every worker gets: enough to start programs and to find the libraries of the engine. */
const inherited = [
  'PATH',
  'HOME',
  'LANG',
  'TMPDIR',
  'LD_LIBRARY_PATH',
  'DYLD_LIBRARY_PATH',
  'CUDA_VISIBLE_DEVICES',
  'MOFT_ENGINES',
  'XDG_CACHE_HOME',
  'XDG_RUNTIME_DIR',
  'VK_DRIVER_FILES',
  'VK_ICD_FILENAMES',
];

/** All variables of a cell's worker: the few that every process needs, those its stage declares, and no others. */
export function workerVariables(
  host: Variables,
  cell: Pick<Cell, 'env' | 'secrets'>,
): Record<string, string> {
  const names = new Set([...inherited, ...cell.env, ...cell.secrets]);
  return Object.fromEntries(
    [...names].flatMap((name) => {
      const value = host[name];
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}

/** What this machine offers; a container's memory limit counts. No graphics cards are handed out yet. */
export function machineCapacity(): Demand {
  const limit = process.constrainedMemory();
  const memory = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  return { cpu: availableParallelism(), memory, gpu: 0 };
}
