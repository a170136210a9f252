/** A store that looks into shared caches for what it lacks. */
import type { Key } from '../../pipeline.js';
import type { Chosen, Store } from '../types.js';
import { pull } from './transfer.js';
import type { Remote, RemoteProblem } from './types.js';

export interface Source {
  readonly remote: Remote;
  /** Public keys whose records are taken. */
  readonly trusted: readonly string[];
}

/** A cache that fails so often in a run is asked no more. */
const mostFailures = 2;

const ofOneRecord: ReadonlySet<RemoteProblem['code']> = new Set<RemoteProblem['code']>([
  'damaged',
  'not-trusted',
  'incomplete',
]);

export interface Asking {
  /** `pull`; or `glimpse`, where it is only to be known what would be served. Default `pull`. */
  readonly ask?: typeof pull;
  /** From then on nothing is asked or waited for: what is not here counts as being nowhere. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The store, with `records.chosen` asking the caches in their order where nothing is chosen here.
 *
 * @param note says what a reader should know: a cache that is given up, a record that isn't trusted
 */
export function withSources(
  store: Store,
  sources: readonly Source[],
  note: (text: string) => void,
  { ask = pull, signal }: Asking = {},
): Store {
  const failures = new Map<Source, number>();
  const absent = new Set<Key>();
  const said = new Set<string>();
  /** Once, whatever else is said of the same. */
  const say = (text: string, of = text): void => {
    if (!said.has(of)) note(text);
    said.add(of);
  };
  const fail = (source: Source, problem: RemoteProblem): void => {
    const count = (failures.get(source) ?? 0) + 1;
    failures.set(source, count);
    say(problem.hint === undefined ? problem.message : `${problem.message}; ${problem.hint}`);
    if (count === mostFailures)
      say(`the shared cache ${source.remote.name} is not asked any more in this run`);
  };
  const look = async (key: Key, here: Chosen): Promise<Chosen> => {
    for (const source of sources) {
      if (signal?.aborted === true) return here;
      if ((failures.get(source) ?? 0) >= mostFailures) continue;
      const asked = ask(store, source.remote, { key, trusted: source.trusted, signal });
      const found = await unlessAborted(asked, signal);
      if (!found) return here;
      if (found.ok && found.value) return { kind: 'chosen', record: found.value };
      if (found.ok) continue;
      const { code } = found.error;
      // A bad record says nothing of the cache's other ones; of a thousand of them the first is told.
      if (ofOneRecord.has(code)) say(messageOf(found.error), `${source.remote.name} ${code}`);
      else fail(source, found.error);
    }
    absent.add(key);
    return here;
  };
  return {
    ...store,
    records: {
      ...store.records,
      chosen: async (key) => {
        const here = await store.records.chosen(key);
        return here.kind === 'chosen' || absent.has(key) ? here : look(key, here);
      },
    },
  };
}

/** Undefined as soon as it is given up; what a call that hangs comes to then is nobody's business any more. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T | undefined> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const giveUp = (): void => resolve(undefined);
    signal.addEventListener('abort', giveUp, { once: true });
    work
      .catch((error: unknown) => (signal.aborted ? undefined : Promise.reject(error as Error)))
      .finally(() => signal.removeEventListener('abort', giveUp))
      .then(resolve, reject);
  });
}

const messageOf = ({ message, hint }: RemoteProblem): string =>
  hint === undefined ? message : `${message}; ${hint}`;
