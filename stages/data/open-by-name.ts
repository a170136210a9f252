/** Opening a file of rows by the ending of its name. */
import { StageFailure, artifactFile, type ArtifactRef } from '../../runner/contract.js';
import type { Result } from '../../schemas/result.js';
import { readArrow } from './arrow.js';
import { csvRecords } from './csv.js';
import { extensionOf } from './huggingface.js';
import { readJson } from './json.js';
import { jsonLines } from './jsonl.js';
import { readParquet } from './parquet.js';
import { bytesOf, unpacked } from './pieces.js';
import type { RecordProblem, Table, TableRecord } from './table.js';

export function openByName(folder: ArtifactRef, file: string): Table {
  const path = artifactFile(folder, file);
  const extension = extensionOf(file);
  const unit = extension === '.parquet' || extension === '.arrow' || extension === '.json' ? 'row' : 'line';
  const header = extension === '.csv' || extension === '.tsv' ? { header: 1 } : {};
  return { file, unit, ...header, records: () => read(path, file, extension) };
}

function read(
  path: string,
  file: string,
  extension: ReturnType<typeof extensionOf>,
): AsyncIterable<Result<TableRecord, RecordProblem>> {
  const bytes = (): AsyncIterable<Buffer> => (file.endsWith('.gz') ? unpacked(path, file) : bytesOf(path));
  switch (extension) {
    case '.parquet':
      return readParquet(path, file);
    case '.arrow':
      return readArrow(path, file);
    case '.jsonl':
      return jsonLines(bytes());
    case '.json':
      return readJson(bytes(), file);
    case '.csv':
      return csvRecords(bytes(), { delimiter: ',' });
    case '.tsv':
      return csvRecords(bytes(), { delimiter: '\t' });
    case undefined:
      throw new StageFailure('user', 'wrong-format', `${file}: nothing tells how to read it`);
  }
}
