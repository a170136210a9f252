import { defineKind } from '../../runner/contract.js';
import { fileOptions, fileParts } from '../data/options.js';
import { Type, type Static } from '../../schemas/type.js';

export const DataJsonlWith = Type.Object(fileOptions('jsonl'));
export type DataJsonlWith = Static<typeof DataJsonlWith>;

export default defineKind({
  name: 'data/jsonl',
  version: 1,
  description:
    'Reads documents and their summaries (or any prompts and responses) from JSONL files: one JSON object a line, ' +
    'columns named in `columns`. Every line that is not as expected is reported with its file and line.',
  with: DataJsonlWith,
  ...fileParts('JSONL', 'jsonl'),
  run: async (job, emit, signal) => (await import('./data-jsonl.run.js')).run(job, emit, signal),
});
