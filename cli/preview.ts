/** `plan --preview CELL`: the rows of a data cell, or the tokens that a training would learn, without running it. */
import { mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import {
  StageFailure,
  type ArtifactRef,
  type Emit,
  type Facilities,
  type StageJob,
  type StageKind,
} from '../runner/contract.js';
import { noCheckpoints } from '../runner/execute/worker/checkpoints.js';
import type { Cell, CellId, InputBinding } from '../runner/pipeline.js';
import type { Plan, PlannedCell } from '../runner/plan/index.js';
import type { Store } from '../runner/store/index.js';
import type { Preview, PreviewRow, PreviewSplit } from '../stages/shown/preview.js';
import { matchOne } from './cells.js';
import { exitCode, UsageError, type ExitCode } from './exit.js';
import type { CliHost } from './host.js';
import { printJson } from './load.js';
import { clean, counted, oneLine } from './text.js';

export interface PreviewOptions {
  readonly store: Store;
  readonly host: CliHost;
  /** Rows to show. */
  readonly rows: number;
  readonly json: boolean;
}

/** Exit code: what the stage would refuse in the user's data is said as it would say it. */
export async function printPreview(plan: Plan, pattern: string, options: PreviewOptions): Promise<ExitCode> {
  try {
    await preview(plan, pattern, options);
    return exitCode.done;
  } catch (error) {
    if (!(error instanceof StageFailure) || error.failure.class !== 'user') throw error;
    options.host.stderr.write(`moft: ${clean(error.failure.message)}\n`);
    return exitCode.failed;
  }
}

async function preview(plan: Plan, pattern: string, options: PreviewOptions): Promise<void> {
  const cell = await matchOne(plan.pipeline.cells, pattern);
  const planned = plan.cells.find((one) => one.cell.id === cell.id);
  const kind = (await options.host.kinds()).get(cell.kind);
  if (!planned || !kind) throw new Error(`internal error: ${cell.id} has no plan; please report it`);
  if (kind.name === 'sft') return previewTraining(planned, plan, options);
  if (Object.values(cell.outputs).every((type) => type === 'dataset') && kind.randomness === 'none')
    return previewData(planned, kind, plan, options);
  throw new UsageError(
    `there is no preview of ${cell.id}: it is of the kind ${cell.kind}`,
    'previews show the rows of data stages, and the tokens that sft learns',
  );
}

async function previewTraining(planned: PlannedCell, plan: Plan, options: PreviewOptions): Promise<void> {
  const { previewSft } = await import('../stages/shown/preview.js');
  const job = jobOf(planned.cell, plan, options.store);
  const found = await previewSft(job as unknown as Parameters<typeof previewSft>[0], options.rows);
  if (options.json) printJson({ cell: planned.cell.id, ...found }, options.host);
  else for (const line of trainingLines(found)) options.host.stdout.write(`${clean(line)}\n`);
}

function trainingLines(found: Preview): string[] {
  const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;
  return [
    ...found.rows.flatMap(rowLines),
    `${counted(found.examples, 'row')}, ${counted(found.vocabulary, 'token')} in the vocabulary; ` +
      `the longest row has ${found.longest} of ${found.context} tokens`,
    `in [ ]: what is learnt, ${percent(found.learntShare)} of the tokens; unknown: ${percent(found.unknownShare)}`,
  ];
}

/** What is learnt stands in brackets. */
function rowLines({ id, tokens, learnt }: PreviewRow): string[] {
  const pieces = tokens.map((token, i) => {
    const begins = learnt[i] === 1 && learnt[i - 1] !== 1 ? '[ ' : '';
    const ends = learnt[i] === 1 && learnt[i + 1] !== 1 ? ' ]' : '';
    return `${begins}${token}${ends}`;
  });
  const count = learnt.filter((one) => one === 1).length;
  return [`${id}: ${counted(tokens.length, 'token')}, ${count} learnt`, `  ${pieces.join(' ')}`];
}

/** The texts of a row; `--json` has the rest of it. */
function textLines(row: PreviewSplit['rows'][number]): string[] {
  const texts = (['prompt', 'response', 'chosen', 'rejected'] as const).flatMap((column) => {
    const text = row[column];
    return text === undefined ? [] : [`    ${column}: ${oneLine(text)}`];
  });
  return [`  ${row.id}`, ...texts];
}

/** A data stage is quick and draws nothing: it is run in a folder that goes again. */
async function previewData(
  { cell }: PlannedCell,
  kind: StageKind,
  plan: Plan,
  { store, host, rows, json }: PreviewOptions,
): Promise<void> {
  const { previewSplits } = await import('../stages/shown/preview.js');
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'moft-preview-')));
  try {
    const log = await runIt(kind, jobOf(cell, plan, store, folder));
    const outputs = Object.entries(cell.outputs).map(([name, type]) => [
      name,
      refOf(type, join(folder, name)),
    ]);
    const splits = await previewSplits(Object.fromEntries(outputs) as Record<string, ArtifactRef>, rows);
    if (json) {
      printJson({ cell: cell.id, log, splits }, host);
      return;
    }
    const lines = splits.flatMap(({ name, count, rows: first }) => [
      `${name}: ${counted(count, 'row')}`,
      ...first.flatMap(textLines),
    ]);
    for (const line of [...lines, ...log.map((text) => `note: ${text}`)])
      host.stdout.write(`${clean(line)}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What it said while it ran. What is wrong with the user's files is said as a usage error. */
async function runIt(kind: StageKind, job: StageJob<never>): Promise<readonly string[]> {
  const said: string[] = [];
  const facilities: Facilities = {
    checkpoints: noCheckpoints,
    workshop: () => Promise.reject(new Error(`internal error: a preview has no workshop; please report it`)),
  };
  const emit: Emit = (event) => {
    if (event.type === 'log') said.push(event.text);
  };
  await kind.run(job, emit, new AbortController().signal, facilities);
  return said;
}

/** The job of a cell whose inputs are known. Its outputs, where it has any, lie in `folder`. */
function jobOf(cell: Cell, plan: Plan, store: Store, folder = ''): StageJob<never> {
  const inputs = Object.entries(cell.inputs).map(([name, binding]) => [
    name,
    inputOf(binding, cell, plan, store),
  ]);
  const outputs = Object.entries(cell.outputs).map(([name, type]) => [
    name,
    { type, path: join(folder, name) },
  ]);
  return {
    ...{ v: 1, attempt: 'preview', kind: cell.kind, with: cell.with as never },
    ...(cell.seed === undefined ? {} : { seed: cell.seed }),
    inputs: Object.fromEntries(inputs) as StageJob<never>['inputs'],
    outputs: Object.fromEntries(outputs) as StageJob<never>['outputs'],
    scratch: folder,
  };
}

function inputOf(binding: InputBinding, cell: Cell, plan: Plan, store: Store): ArtifactRef | ArtifactRef[] {
  switch (binding.kind) {
    case 'path':
      return refOf(binding.type, resolve(dirname(plan.pipeline.file), binding.path));
    case 'artifact':
      return outputOf(binding.cell, binding.output, { cell, plan, store });
    case 'gathered':
      return binding.items.map((item) => outputOf(item.cell, item.output, { cell, plan, store }));
  }
}

interface Place {
  readonly cell: Cell;
  readonly plan: Plan;
  readonly store: Store;
}

function outputOf(id: CellId, output: string, { cell, plan, store }: Place): ArtifactRef {
  const record = plan.cells.find((planned) => planned.cell.id === id)?.record;
  const artifact = record?.record.artifacts.find(({ name }) => name === output);
  const ref = artifact && store.cas.artifactRef(artifact.type as ArtifactRef['type'], artifact.digest);
  if (ref?.ok) return ref.value;
  throw new UsageError(
    `the preview of ${cell.id} reads ${id}, which the store doesn't have`,
    `run it first: moft run ${plan.pipeline.file} --until ${JSON.stringify(id)}`,
  );
}

/** What lies at a path, as a worker would be told of it. */
function refOf(type: ArtifactRef['type'], path: string): ArtifactRef {
  const digest = '0'.repeat(64);
  if (type === 'file') return { type, digest, path };
  const files = readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return { type, digest, path, files: Object.fromEntries(files.map((file) => [relative(path, file), file])) };
}
