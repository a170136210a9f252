/** From files to datasets: reads them, divides, removes what is held out from what is learnt, writes, and tells. */
import { StageFailure, type Emit, type StageJob } from '../../runner/contract.js';
import { writeDataset } from './dataset.js';
import { divide } from './divide.js';
import { sharedSplits, splitNames, type RowSettings, type SplitName } from './options.js';
import { readRows, type Changes, type ReadRows } from './rows.js';
import type { Table } from './table.js';
import type { Row } from './types.js';

/** The files of each split, or of rows that are to be divided. */
export type Sources = Readonly<Partial<Record<SplitName | 'rows', readonly Table[]>>>;

interface Split {
  readonly rows: readonly Row[];
  readonly changes?: Changes;
  /** Training rows that left since their prompts are held out. */
  readonly overlap?: number;
}
type Splits = Partial<Record<SplitName, Split>>;

export async function makeSplits(
  job: StageJob<RowSettings>,
  sources: Sources,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  const read = sources.rows
    ? await divided(sources.rows, job.with, emit)
    : await apart(sources, job.with, signal);
  const splits = withoutOverlap(read, job.with, emit);
  for (const name of splitNames) {
    signal.throwIfAborted();
    const split = splits[name];
    const folder = job.outputs[name]?.path;
    if (!split || folder === undefined) continue;
    report(name, split, job.with, emit);
    await writeDataset(folder, { rows: split.rows });
  }
}

async function apart(sources: Sources, settings: RowSettings, signal: AbortSignal): Promise<Splits> {
  const splits: Splits = {};
  for (const name of splitNames) {
    signal.throwIfAborted();
    const tables = sources[name];
    if (!tables) continue;
    splits[name] = await readRows(tables, {
      ...settings,
      split: name,
      documents: settings.documents[name],
    });
  }
  return splits;
}

async function divided(tables: readonly Table[], settings: RowSettings, emit: Emit): Promise<Splits> {
  const read: ReadRows = await readRows(tables, { ...settings, split: 'rows', documents: 0 });
  const text = [`${read.rows.length} rows`, ...changesOf(read.changes, settings)].join(', ');
  emit({ type: 'log', level: hasChanges(read.changes) ? 'warning' : 'info', text });
  const shares = divide(read.rows, settings.split, settings.columns.id !== undefined);
  return Object.fromEntries(
    sharedSplits(settings).map((name) => {
      const rows = shares[name];
      const most = settings.documents[name];
      if (rows.length === 0) throw emptyShare(name, read.rows.length, settings);
      return [name, { rows: most > 0 ? rows.slice(0, most) : rows }];
    }),
  );
}

function emptyShare(name: SplitName, all: number, { split }: RowSettings): StageFailure {
  const share = name === 'train' ? 1 - split.validation - split.test : split[name];
  const text = `a share of ${Number(share.toFixed(6))} of ${all} rows came out empty for ${name}; raise it, or give a file of its own`;
  return new StageFailure('user', 'empty-dataset', text);
}

/** Held-out rows that were learnt measure memory: said, and mended only as told, for the data are the user's. */
function withoutOverlap(splits: Splits, { overlap }: RowSettings, emit: Emit): Splits {
  const { train } = splits;
  if (!train) return splits;
  const learnt = new Set(train.rows.map(({ prompt }) => prompt));
  const held = new Set<string>();
  for (const name of ['validation', 'test'] as const) {
    const shared = (splits[name]?.rows ?? []).filter(({ prompt }) => learnt.has(prompt));
    for (const { prompt } of shared) held.add(prompt);
    if (shared.length === 0 || overlap === 'remove') continue;
    const text =
      `${shared.length} prompts of ${name} are also in train: figures on them are not held out; ` +
      'overlap: remove takes them out of train';
    emit({ type: 'log', level: 'warning', text });
  }
  if (overlap === 'warn' || held.size === 0) return splits;
  const rows = train.rows.filter(({ prompt }) => !held.has(prompt));
  if (rows.length === 0) {
    const text = 'every training row has a prompt of a held-out split, and overlap: remove left none';
    throw new StageFailure('user', 'empty-dataset', text);
  }
  return { ...splits, train: { ...train, rows, overlap: train.rows.length - rows.length } };
}

function report(
  name: SplitName,
  { rows, changes, overlap = 0 }: Split,
  settings: RowSettings,
  emit: Emit,
): void {
  emit({ type: 'metric', name: `rows/${name}`, value: rows.length, step: 0 });
  const said = changes ? changesOf(changes, settings) : [];
  if (overlap > 0) said.push(`${overlap} left out whose prompts are held out`);
  const text = [`${name}: ${rows.length} rows`, ...said].join(', ');
  emit({ type: 'log', level: said.length > 0 ? 'warning' : 'info', text });
}

const hasChanges = (changes: Changes): boolean => Object.values(changes).some((count) => count > 0);

function changesOf(changes: Changes, { prompt, response }: RowSettings): string[] {
  const { cutPrompts, cutResponses, long, short, repeated } = changes;
  return [
    ...(cutPrompts > 0 ? [`${cutPrompts} prompts cut to ${prompt.words} words and marks`] : []),
    ...(cutResponses > 0 ? [`${cutResponses} responses cut to ${response.words}`] : []),
    ...(long > 0 ? [`${long} rows left out as too long`] : []),
    ...(short > 0 ? [`${short} rows left out as too short`] : []),
    ...(repeated > 0 ? [`${repeated} rows left out as repeated`] : []),
  ];
}
