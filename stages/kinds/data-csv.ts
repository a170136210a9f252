import { defineKind, type Problem } from '../../runner/contract.js';
import { fileOptions, fileParts } from '../data/options.js';
import { Type, type Static } from '../../schemas/type.js';

export const DataCsvWith = Type.Object({
  ...fileOptions('csv'),
  delimiter: Type.String({
    description: 'What stands between two fields: one character, `"\\t"` for a tab.',
    default: ',',
    minLength: 1,
    maxLength: 1,
  }),
});
export type DataCsvWith = Static<typeof DataCsvWith>;

function checkDelimiter({ delimiter }: DataCsvWith): Problem[] {
  if (!['"', '\n', '\r'].includes(delimiter)) return [];
  const message = `expected a character that separates fields, found ${JSON.stringify(delimiter)}, which CSV uses otherwise`;
  return [{ code: 'csv-delimiter', path: ['delimiter'], message, hint: 'write `,`, `;` or `"\\t"`' }];
}

const parts = fileParts('CSV', 'csv');

export default defineKind({
  name: 'data/csv',
  version: 1,
  description:
    'Reads prompts and responses from CSV files (RFC 4180): a header of column names, then a record a row, whose ' +
    'quoted fields may span lines. What is no record is reported with its file and line.',
  with: DataCsvWith,
  ...parts,
  check: (values, inputs) => [...checkDelimiter(values), ...parts.check(values, inputs)],
  run: async (job, emit, signal) => (await import('./data-csv.run.js')).run(job, emit, signal),
});
