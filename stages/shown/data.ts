/** What a reviewer sees of data: how much there is, and the first rows of each split. */
import { closeSync, openSync, readSync } from 'node:fs';
import { artifactFile, type FinishedCell, type Shown, type ShownTable } from '../../runner/contract.js';
import type { DatasetManifest } from '../../schemas/artifact.js';
import { readOutput } from './read.js';

const mostRows = 20;
/** Bytes of a dataset that are looked at. */
const head = 1 << 18;

export function showData(cell: FinishedCell): Shown {
  const names = Object.keys(cell.outputs).filter((name) => cell.outputs[name]?.type === 'dataset');
  const manifests = names.map((name) => readOutput(cell, name, 'manifest.json') as DatasetManifest);
  const rewards = manifests[0]?.rewards ?? [];
  return {
    ...(rewards.length > 0 ? { params: { rewards: rewards.join(', ') } } : {}),
    tables: names.map((name, n) => rowsTable(cell, name, manifests[n]?.columns ?? [])),
  };
}

function rowsTable({ outputs }: FinishedCell, name: string, columns: readonly string[]): ShownTable {
  const artifact = outputs[name];
  const lines = artifact ? firstLines(artifactFile(artifact, 'rows.jsonl')) : [];
  const rows = lines.map((line) => {
    const row = JSON.parse(line) as Readonly<Record<string, unknown>>;
    return columns.map((column) => shownValue(row[column]));
  });
  return { name, columns, rows };
}

/** Whole lines alone. */
function firstLines(file: string): readonly string[] {
  const handle = openSync(file, 'r');
  try {
    const buffer = Buffer.alloc(head);
    const text = buffer.toString('utf8', 0, readSync(handle, buffer, 0, head, 0));
    return text.split('\n').slice(0, -1).slice(0, mostRows);
  } finally {
    closeSync(handle);
  }
}

const shownValue = (value: unknown): string | number | null =>
  typeof value === 'string' || typeof value === 'number' ? value : JSON.stringify(value ?? null);
