/** Runs a kind's recipe on files of the test, as a worker would. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { ArtifactRef, StageJob } from '../../runner/contract.js';
import type { StageEventBody } from '../../schemas/protocol.js';
import { openDataset, type Dataset } from '../../stages/data/dataset.js';
import type { RowSettings } from '../../stages/data/options.js';

/** Settings of rows where nothing is said. */
export const rowDefaults: RowSettings = {
  columns: { prompt: 'prompt', response: 'response' },
  prompt: { words: 0, longer: 'error', fewest: 0 },
  response: { words: 0, longer: 'error', fewest: 0 },
  deduplicate: 'keep',
  overlap: 'warn',
  documents: { train: 0, validation: 0, test: 0 },
  split: { validation: 0, test: 0.1, salt: '' },
};

export const digest = '0'.repeat(64);

/** A folder that goes with the test that asked for it. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'moft-data-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export function fileRef(path: string): ArtifactRef {
  return { type: 'file', digest, path };
}

export function folderRef(folder: string, files: readonly string[]): ArtifactRef {
  return {
    ...{ type: 'directory', digest, path: folder },
    files: Object.fromEntries(files.map((name) => [name, join(folder, name)])),
  };
}

export interface Ran {
  readonly events: readonly StageEventBody[];
  open(output: string): Promise<Dataset>;
  text(output: string, file: string): Promise<string>;
}

type Recipe<W> = (
  job: StageJob<W>,
  emit: (event: StageEventBody) => void,
  signal: AbortSignal,
) => Promise<void>;

export async function runKind<W>(
  recipe: Recipe<W>,
  kind: { readonly with: W; readonly inputs?: StageJob<W>['inputs']; readonly outputs: readonly string[] },
): Promise<Ran> {
  const folder = await temporaryFolder();
  const events: StageEventBody[] = [];
  const job: StageJob<W> = {
    ...{ v: 1, attempt: 'test', kind: 'test', with: kind.with, inputs: kind.inputs ?? {} },
    outputs: Object.fromEntries(
      kind.outputs.map((name) => [name, { type: 'dataset', path: join(folder, name) }]),
    ),
    scratch: join(folder, 'scratch'),
  };
  await recipe(job, (event) => events.push(event), new AbortController().signal);
  return {
    events,
    open: (output) => openDataset(datasetRef(join(folder, output))),
    text: (output, file) => readFile(join(folder, output, file), 'utf8'),
  };
}

export function datasetRef(folder: string): ArtifactRef {
  return { ...folderRef(folder, ['manifest.json', 'rows.jsonl']), type: 'dataset' };
}
