import { execFileSync } from 'node:child_process';
import { availableParallelism, totalmem } from 'node:os';
import type { MachineResources } from '../../schemas/machine.js';
import type { Cell } from '../pipeline.js';
import type { Capacity } from './resources.js';

type Variables = Readonly<Record<string, string | undefined>>;

/** What every worker gets: enough to start programs and to find the libraries of the engine. */
const inherited = [
  'PATH',
  'HOME',
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

/** Which graphics cards a process sees. */
const visibleCards = 'CUDA_VISIBLE_DEVICES';

/**
 * All variables of a cell's worker: the few that every process needs, those its stage declares, and no others. A cell
 * that takes graphics cards sees those that it was given; one that says `gpu: 0` sees none.
 */
export function workerVariables(
  host: Variables,
  cell: Pick<Cell, 'env' | 'secrets' | 'resources'>,
  gpus: readonly string[] = [],
): Record<string, string> {
  const names = new Set([...inherited, ...cell.env, ...cell.secrets]);
  const variables = Object.fromEntries(
    [...names].flatMap((name) => {
      const value = host[name];
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
  return cell.resources.gpu === undefined ? variables : { ...variables, [visibleCards]: gpus.join(',') };
}

/** What a command line says that there is. */
export interface Offered {
  readonly jobs?: number | undefined;
  /** Ids of graphics cards. */
  readonly gpus?: readonly string[] | undefined;
  readonly tokens?: Readonly<Record<string, number>>;
}

/**
 * What this machine offers to cells: what the command line says, then what a cluster's variables do, then `moft.yaml`,
 * then what is found. A container's memory limit counts.
 *
 * @param wantsCards whether any cell takes a graphics card: nothing is asked of drivers otherwise
 */
export function capacityOf(
  { jobs, gpus, tokens }: Offered,
  machine: MachineResources,
  { env, wantsCards }: { readonly env: Variables; readonly wantsCards: boolean },
): Capacity {
  const limit = process.constrainedMemory();
  const memory = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  return {
    cpu: jobs ?? machine.cpu ?? availableParallelism(),
    memory: machine.memory ?? memory,
    gpus: gpus ?? cardsIn(env[visibleCards]) ?? machine.gpu ?? (wantsCards ? installedCards(env) : []),
    tokens: { ...machine.tokens, ...tokens },
  };
}

/** As CUDA reads the variable: what follows an id of -1 isn't seen. */
export function cardsIn(value: string | undefined): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const ids = value.split(',').map((id) => id.trim());
  const end = ids.findIndex((id) => id === '' || id === '-1' || id === 'NoDevFiles');
  return end < 0 ? ids : ids.slice(0, end);
}

/** By UUID: CUDA and the driver's tools number cards in orders of their own. */
function installedCards(env: Variables): readonly string[] {
  try {
    const listed = execFileSync('nvidia-smi', ['--query-gpu=uuid', '--format=csv,noheader'], {
      env: { PATH: env.PATH },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 20_000,
    });
    return listed.split('\n').flatMap((line) => (line.startsWith('GPU-') ? [line.trim()] : []));
  } catch {
    return []; // no driver, or none that answers
  }
}
