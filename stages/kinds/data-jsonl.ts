import { defineKind } from '../../runner/contract.js';
import { checkFiles, datasetPorts, fileInputs, fileOptions, splitsOf } from '../data/options.js';
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
  inputs: fileInputs('JSONL'),
  outputs: (values, inputs) =>
    datasetPorts(
      splitsOf(values, (name) => name in inputs),
      values,
    ),
  check: (values, inputs) => checkFiles(values, inputs, 'jsonl'),
  randomness: 'none',
  engine: false,
  run: async (job, emit, signal) => (await import('./data-jsonl.run.js')).run(job, emit, signal),
});
