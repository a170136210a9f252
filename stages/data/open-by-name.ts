/** Opening a file of rows by the ending of its name. */
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { StageFailure, artifactFile, type ArtifactRef } from '../../runner/contract.js';
import type { Result } from '../../schemas/result.js';
import { readArrow } from './arrow.js';
import { csvRecords } from './csv.js';
import { extensionOf } from './huggingface.js';
import { asRecord, jsonLines } from './jsonl.js';
import { readParquet } from './parquet.js';
import { decode, unreadable, type RecordProblem, type Table, type TableRecord } from './table.js';

type Records =
  AsyncIterable<Result<TableRecord, RecordProblem>> | Iterable<Result<TableRecord, RecordProblem>>;

export function openByName(folder: ArtifactRef, file: string): Table {
  const path = artifactFile(folder, file);
  const extension = extensionOf(file);
  const unit = extension === '.parquet' || extension === '.arrow' || extension === '.json' ? 'row' : 'line';
  return {
    file,
    unit,
    async *records() {
      yield* await read(path, file, extension);
    },
  };
}

async function read(path: string, file: string, extension: ReturnType<typeof extensionOf>): Promise<Records> {
  switch (extension) {
    case '.parquet':
      return readParquet(path, file);
    case '.arrow':
      return readArrow(path, file);
    case '.jsonl':
      return jsonLines(await bytesOf(path, file));
    case '.json':
      return jsonRecords(await bytesOf(path, file), file);
    case '.csv':
      return csvRecords(await bytesOf(path, file), { delimiter: ',' });
    case '.tsv':
      return csvRecords(await bytesOf(path, file), { delimiter: '\t' });
    case undefined:
      throw new StageFailure('user', 'wrong-format', `${file}: nothing tells how to read it`);
  }
}

async function bytesOf(path: string, file: string): Promise<Uint8Array> {
  const bytes = await readFile(path);
  if (!file.endsWith('.gz')) return bytes;
  try {
    return gunzipSync(bytes);
  } catch (error) {
    throw unreadable(file, 'gzip', error instanceof Error ? error.message : String(error));
  }
}

/** A list of objects, or JSON Lines under another name. */
function jsonRecords(bytes: Uint8Array, file: string): Records {
  const text = decode(bytes)?.trim();
  if (text === undefined) throw unreadable(file, 'JSON in UTF-8', 'bytes that are not');
  if (!text.startsWith('[')) return jsonLines(bytes);
  let rows: readonly unknown[];
  try {
    rows = JSON.parse(text) as readonly unknown[];
  } catch (error) {
    throw unreadable(file, 'JSON', error instanceof Error ? error.message : String(error));
  }
  return rows.map((row, i) => asRecord(row, i + 1));
}
