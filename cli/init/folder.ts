/** What a folder of JSONL files holds, as far as its names and first rows tell. */
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';

export interface Folder {
  /** As it is written into the file, relative to it. */
  readonly path: string;
  readonly files: readonly string[];
  /** Fields of the first row of a file. */
  readonly fields: readonly string[];
}

type Pairs = readonly (readonly [string, string])[];

const splitNames: Readonly<Record<string, readonly string[]>> = {
  train: ['train.jsonl'],
  validation: ['validation.jsonl', 'valid.jsonl', 'val.jsonl', 'dev.jsonl'],
  test: ['test.jsonl'],
};

const columnNames: Readonly<Record<string, readonly string[]>> = {
  id: ['id', 'paper_id', 'uid'],
  prompt: ['prompt', 'document', 'source', 'article', 'text', 'input', 'question'],
  response: ['response', 'summaries', 'summary', 'target', 'highlights', 'output', 'answer', 'completion'],
};

/** The splits and columns that a file begins with: those found, else the usual names. */
export function folderColumns(folder: Folder | undefined): {
  readonly files: Pairs;
  readonly columns: Pairs;
} {
  const files = named(splitNames, folder?.files ?? []);
  const columns = named(columnNames, folder?.fields ?? []);
  const has = (pairs: Pairs, name: string): boolean => pairs.some(([found]) => found === name);
  return {
    files: has(files, 'train')
      ? files
      : [
          ['train', 'train.jsonl'],
          ['test', 'test.jsonl'],
        ],
    columns:
      has(columns, 'prompt') && has(columns, 'response')
        ? columns
        : [
            ['prompt', 'prompt'],
            ['response', 'response'],
          ],
  };
}

const named = (wanted: Readonly<Record<string, readonly string[]>>, found: readonly string[]): Pairs =>
  Object.entries(wanted).flatMap(([name, usual]) => {
    const match = usual.find((candidate) => found.includes(candidate));
    return match === undefined ? [] : [[name, match] as const];
  });

/** Looks into a folder; undefined where there is none. */
export function readFolder(absolute: string, path: string): Folder | undefined {
  try {
    const files = readdirSync(absolute).filter((name) => name.endsWith('.jsonl'));
    const sample = files.includes('train.jsonl') ? 'train.jsonl' : files[0];
    return { path, files, fields: sample === undefined ? [] : fieldsOf(join(absolute, sample)) };
  } catch {
    return undefined;
  }
}

/** Of the first line, if it fits 64 KiB. */
function fieldsOf(file: string): readonly string[] {
  const buffer = Buffer.alloc(65_536);
  const descriptor = openSync(file, 'r');
  try {
    const [line = ''] = buffer.toString('utf8', 0, readSync(descriptor, buffer)).split('\n');
    return Object.keys(JSON.parse(line) as object);
  } catch {
    return [];
  } finally {
    closeSync(descriptor);
  }
}
