/** Runs as the command line names them: by an id, or by the first or last characters of one. */
import type { RunManifest, Store } from '../runner/store/index.js';
import { UsageError } from './exit.js';

/** Fewer characters than these name nothing: a slip should not be a run. */
const shortest = 4;
const shown = 5;

/** The runs that a name may mean; the exact one alone where it is there. */
export function meantRuns(ids: readonly string[], named: string): readonly string[] {
  if (ids.includes(named)) return [named];
  return named.length < shortest ? [] : ids.filter((id) => id.startsWith(named) || id.endsWith(named));
}

/**
 * The id that is meant.
 *
 * @throws UsageError where there is none, or several are meant
 */
export function meantId(ids: readonly string[], named: string): string {
  const found = meantRuns(ids, named);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const few = (all: readonly string[]): string =>
    all.slice(0, shown).join(' ') + (all.length > shown ? ` and ${all.length - shown} more` : '');
  if (found.length > 1)
    throw new UsageError(
      `${JSON.stringify(named)} names ${found.length} runs, expected one`,
      `they are ${few(found)}; more of the first or last characters tell them apart`,
    );
  throw new UsageError(
    `there is no run ${JSON.stringify(named)}`,
    ids.length === 0 ? 'the store has no runs' : `the newest are ${ids.slice(0, shown).join(' ')}`,
  );
}

/** The run that is meant. */
export function meantRun({ runs }: Store, named: string): RunManifest {
  const id = meantId(runs.list(), named);
  const manifest = runs.read(id);
  if (manifest) return manifest;
  throw new UsageError(`the run ${id} can't be read`, '`moft doctor` looks at the whole store');
}
