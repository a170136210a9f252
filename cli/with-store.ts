import type { Store } from '../runner/store/index.js';
import { exitCode, type ExitCode } from './exit.js';
import type { CliHost } from './host.js';
import { open, printProblem } from './load.js';

export interface StoreWish {
  readonly root: string;
  /** Default: `write`. */
  readonly access?: 'read' | 'write' | 'make-room';
  readonly shared?: boolean;
}

/** Opens a store, works on it and closes it. What could not be kept to the last is no success: 0 becomes 3 then. */
export async function withStore(
  { root, access = 'write', shared = false }: StoreWish,
  host: CliHost,
  work: (store: Store) => Promise<ExitCode>,
): Promise<ExitCode> {
  const store = await open(root, access, host, { shared });
  if (!store) return exitCode.environment;
  let isKept = false;
  let exit: ExitCode;
  try {
    exit = await work(store);
  } finally {
    const closed = await store.close();
    isKept = closed.ok;
    if (!closed.ok) printProblem(closed.error, host);
  }
  return exit === exitCode.done && !isKept ? exitCode.environment : exit;
}
