import { defineKind } from '../../runner/contract.js';
import { fileOptions, fileParts } from '../data/options.js';
import { Type, type Static } from '../../schemas/type.js';

export const DataParquetWith = Type.Object(fileOptions('parquet'));
export type DataParquetWith = Static<typeof DataParquetWith>;

export default defineKind({
  name: 'data/parquet',
  version: 1,
  description:
    'Reads prompts and responses from Parquet files, in any of its compressions. What is no row is reported with its ' +
    'file and the number of the row.',
  with: DataParquetWith,
  ...fileParts('Parquet', 'parquet'),
  run: async (job, emit, signal) => (await import('./data-parquet.run.js')).run(job, emit, signal),
});
