/** data/jsonl: read each split from its file, say what was cut or left out, and write it. */
import { StageFailure, oneInput, requiredInput, type Emit, type StageJob } from '../../runner/contract.js';
import { writeDataset } from '../data/dataset.js';
import { readSplit, type Split } from '../data/split.js';
import { splitsOf, type DataJsonlWith, type SplitName } from './data-jsonl.js';

export async function run(job: StageJob<DataJsonlWith>, emit: Emit, signal: AbortSignal): Promise<void> {
  const splits = new Map<SplitName, Split>();
  for (const name of splitsOf(job.with, (input) => oneInput(job, input) !== undefined)) {
    signal.throwIfAborted();
    const source = sourceOf(job, name);
    const { columns, prompt, response, documents } = job.with;
    const split = await readSplit(source.path, {
      ...{ split: name, file: source.file, documents: documents[name] },
      ...{ columns, prompt, response },
    });
    splits.set(name, split);
    report(name, split, job.with, emit);
    const folder = job.outputs[name]?.path;
    if (folder !== undefined) await writeDataset(folder, { rows: split.rows });
  }
  warnOfOverlap(splits, emit);
}

/** Where a split is read from, and how messages call it. */
function sourceOf(job: StageJob<DataJsonlWith>, name: SplitName): { path: string; file: string } {
  const folder = oneInput(job, 'folder');
  if (!folder) return { path: requiredInput(job, name).path, file: name };
  const file = job.with.files[name] ?? name;
  const path = folder.files?.[file];
  if (path !== undefined) return { path, file };
  const present = Object.keys(folder.files ?? {}).filter((other) => other.endsWith('.jsonl'));
  throw new StageFailure(
    'user',
    'missing-file',
    `expected the file ${JSON.stringify(file)} of the split ${name} in the folder, found ` +
      `${present.sort().join(', ') || 'no .jsonl file'}; name it under with.files.${name}`,
  );
}

function report(name: SplitName, split: Split, { prompt, response }: DataJsonlWith, emit: Emit): void {
  emit({ type: 'metric', name: `rows/${name}`, value: split.rows.length, step: 0 });
  const changes = [
    split.truncatedPrompts > 0 && `${split.truncatedPrompts} prompts cut to ${prompt.words} words and marks`,
    split.truncatedResponses > 0 && `${split.truncatedResponses} responses cut to ${response.words}`,
    split.dropped > 0 && `${split.dropped} rows left out as too long`,
  ].filter((text) => text !== false);
  const text = [`${name}: ${split.rows.length} rows`, ...changes].join(', ');
  emit({ type: 'log', level: changes.length > 0 ? 'warning' : 'info', text });
}

/** Held-out rows that were learnt measure memory: said, not mended, for the data are the user's. */
function warnOfOverlap(splits: ReadonlyMap<SplitName, Split>, emit: Emit): void {
  const learnt = new Set(splits.get('train')?.rows.map((row) => row.prompt));
  for (const name of ['validation', 'test'] as const) {
    const shared = splits.get(name)?.rows.filter((row) => learnt.has(row.prompt)).length ?? 0;
    if (shared === 0) continue;
    const text = `${shared} prompts of ${name} are also in train: figures on them are not held out`;
    emit({ type: 'log', level: 'warning', text });
  }
}
