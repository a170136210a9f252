import { defineKind } from '../../runner/contract.js';
import {
  checkRows,
  datasetPorts,
  rowOptions,
  sharedSplits,
  splitNames,
  type SplitName,
} from '../data/options.js';
import { Type, type Static } from '../../schemas/type.js';

const name = (split: string) =>
  Type.Optional(Type.String({ description: `Its name for the ${split} rows.` }));

export const DataHuggingfaceWith = Type.Object({
  config: Type.Optional(
    Type.String({
      description: 'The configuration (subset) to read. Left out: the default, or the only one.',
    }),
  ),
  splits: Type.Object(
    {
      rows: Type.Optional(Type.String({ description: 'Its name for rows that `split` divides.' })),
      train: name('training'),
      validation: name('validation'),
      test: name('test'),
    },
    {
      additionalProperties: false,
      description: 'What the dataset calls its splits; a split that is not named is not made.',
      default: { train: 'train', test: 'test' },
    },
  ),
  ...rowOptions,
});
export type DataHuggingfaceWith = Static<typeof DataHuggingfaceWith>;

/** The splits that will be made. */
const splitsOf = (values: DataHuggingfaceWith): SplitName[] =>
  values.splits.rows === undefined
    ? splitNames.filter((split) => values.splits[split] !== undefined)
    : sharedSplits(values);

function checkSplits(values: DataHuggingfaceWith) {
  const { splits } = values;
  if (splits.rows !== undefined && Object.keys(splits).length > 1)
    return [
      {
        ...{ code: 'data-inputs', path: ['splits', 'rows'] },
        message: 'expected either `rows`, which `split` divides, or the names of splits; found both',
        hint: 'leave one of them out',
      },
    ];
  if (splitsOf(values).length > 0) return checkRows(values);
  const message = 'expected the name of a split, found none';
  return [{ code: 'data-inputs', path: ['splits'], message, hint: 'write `splits: { train: train }`' }];
}

export default defineKind({
  name: 'data/huggingface',
  version: 1,
  description:
    'Reads prompts and responses from the folder of a Hugging Face dataset: what `save_to_disk` wrote, or the files of ' +
    'its repository (Parquet, JSON, JSONL, CSV, Arrow; `.gz` too), with the splits that its README or their names tell.',
  with: DataHuggingfaceWith,
  inputs: {
    folder: { type: 'directory', path: true, description: 'The folder of the dataset.' },
  },
  outputs: (values) => datasetPorts(splitsOf(values), values),
  check: checkSplits,
  randomness: 'none',
  engine: false,
  run: async (job, emit, signal) => (await import('./data-huggingface.run.js')).run(job, emit, signal),
});
