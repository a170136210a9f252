/** The files that a job names, a split each: given one by one, or found in a folder. */
import { StageFailure, oneInput, requiredInput, type StageJob } from '../../runner/contract.js';
import type { Sources } from './make-splits.js';
import { isDivided, splitsOf, type FileSettings, type SplitName } from './options.js';
import type { Table } from './table.js';

/** How a file of a format is read. `name`: how messages call it. */
export type OpenTable = (path: string, name: string) => Pick<Table, 'unit' | 'header' | 'records'>;

export function fileSources(job: StageJob<FileSettings>, extension: string, open: OpenTable): Sources {
  const bound = (input: string): boolean => oneInput(job, input) !== undefined;
  const names = isDivided(job.with, bound) ? (['rows'] as const) : splitsOf(job.with, bound);
  return Object.fromEntries(
    names.map((name) => {
      const { path, file } = sourceOf(job, name, extension);
      return [name, [{ file, ...open(path, file) }]];
    }),
  );
}

function sourceOf(
  job: StageJob<FileSettings>,
  name: SplitName | 'rows',
  extension: string,
): { path: string; file: string } {
  const folder = oneInput(job, 'folder');
  if (!folder) return { path: requiredInput(job, name).path, file: name };
  const file = job.with.files[name] ?? name;
  const path = folder.files?.[file];
  if (path !== undefined) return { path, file };
  const present = Object.keys(folder.files ?? {}).filter((other) => other.endsWith(`.${extension}`));
  throw new StageFailure(
    'user',
    'missing-file',
    `expected the file ${JSON.stringify(file)} of the split ${name} in the folder, found ` +
      `${present.sort().join(', ') || `no .${extension} file`}; name it under with.files.${name}`,
  );
}
