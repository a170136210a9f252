import { defineKind, type InputTraits, type OutputPort, type Problem } from '../../runner/contract.js';
import { longerChoices } from '../data/length.js';
import { Type, type Static, type TSchema } from '../../schemas/type.js';

const closed = { additionalProperties: false } as const;
const splitNames = ['train', 'validation', 'test'] as const;
export type SplitName = (typeof splitNames)[number];

/** A closed map with a default of its own, so that any part of it may be left out. */
const options = <T extends Record<string, TSchema>>(fields: T, description: string, value: object) =>
  Type.Object(fields, { ...closed, description, default: value });

const lengthLimit = (what: string) =>
  options(
    {
      words: Type.Integer({
        description: `Most words and marks of a ${what}; 0: no limit.`,
        default: 0,
        minimum: 0,
      }),
      longer: Type.Enum(longerChoices, {
        description: `What becomes of a longer ${what}: \`error\`, \`truncate\` it, or \`drop\` the row. Counts are logged.`,
        default: 'error',
      }),
    },
    `Longest ${what}: prompt, separator and response must fit the model's context.`,
    { words: 0, longer: 'error' },
  );

const perSplit = (description: string) =>
  options(
    {
      train: Type.Integer({ description: 'Most training rows.', default: 0, minimum: 0 }),
      validation: Type.Integer({ description: 'Most validation rows.', default: 0, minimum: 0 }),
      test: Type.Integer({ description: 'Most test rows.', default: 0, minimum: 0 }),
    },
    description,
    { train: 0, validation: 0, test: 0 },
  );

export const DataJsonlWith = Type.Object({
  files: Type.Object(
    {
      train: Type.Optional(Type.String({ description: 'File of the training rows.' })),
      validation: Type.Optional(Type.String({ description: 'File of the validation rows.' })),
      test: Type.Optional(Type.String({ description: 'File of the test rows.' })),
    },
    {
      ...closed,
      description:
        'With a `folder`: names of the files of the splits in it; a split that is not named is not made.',
      default: { train: 'train.jsonl', test: 'test.jsonl' },
    },
  ),
  columns: Type.Object(
    {
      prompt: Type.String({ description: 'What is summarised or answered: a text.', default: 'prompt' }),
      response: Type.Optional(
        Type.String({
          description:
            'What is learnt: a text, or a list of texts, of which the first is learnt and all are references. ' +
            'Left out: the rows are prompts only.',
        }),
      ),
      id: Type.Optional(
        Type.String({ description: 'Names the row. Left out: the split and the line number do.' }),
      ),
    },
    {
      ...closed,
      description: 'Names of the fields; a dotted name (`article.body`) leads into an object.',
      default: { prompt: 'prompt', response: 'response' },
    },
  ),
  prompt: lengthLimit('prompt'),
  response: lengthLimit('response'),
  documents: perSplit('Most rows a split, from the front of its file; 0: all.'),
});
export type DataJsonlWith = Static<typeof DataJsonlWith>;

/** The splits that will be made: of a folder those that `files` names, else those whose file is given. */
export function splitsOf(
  values: Pick<DataJsonlWith, 'files'>,
  bound: (input: string) => boolean,
): SplitName[] {
  if (bound('folder')) return splitNames.filter((name) => values.files[name] !== undefined);
  return splitNames.filter(bound);
}

function check(values: DataJsonlWith, inputs: InputTraits): Problem[] {
  const given = splitNames.filter((name) => name in inputs);
  if ('folder' in inputs && given.length > 0)
    return [
      {
        code: 'jsonl-inputs',
        path: [given[0] ?? 'train'],
        message: 'expected either a folder or a file a split, found both',
        hint: 'name the files of the folder under `files`, or leave `folder` out',
      },
    ];
  if (splitsOf(values, (name) => name in inputs).length > 0) return [];
  return [
    {
      code: 'jsonl-inputs',
      path: [],
      message: 'expected a folder, or a file for train, validation or test; found none',
      hint: 'write `folder: path/to/folder`, or `train: path/to/train.jsonl`',
    },
  ];
}

function outputs(values: DataJsonlWith, inputs: InputTraits): Record<string, OutputPort> {
  const learnt = values.columns.response === undefined ? [] : ['response', 'references'];
  const split: OutputPort = {
    type: 'dataset',
    traits: { columns: ['id', 'prompt', ...learnt], rewards: [] },
  };
  return Object.fromEntries(splitsOf(values, (name) => name in inputs).map((name) => [name, split]));
}

const file = (what: string) =>
  ({ type: 'file', optional: true, path: true, description: `JSONL file of the ${what} rows.` }) as const;

export default defineKind({
  name: 'data/jsonl',
  version: 1,
  description:
    'Reads documents and their summaries (or any prompts and responses) from JSONL files: one JSON object a line, ' +
    'columns named in `columns`. Every line that is not as expected is reported with its file and line.',
  with: DataJsonlWith,
  inputs: {
    folder: {
      type: 'directory',
      optional: true,
      path: true,
      description: 'Folder with the files that `files` names.',
    },
    train: file('training'),
    validation: file('validation'),
    test: file('test'),
  },
  outputs,
  check,
  randomness: 'none',
  engine: false,
  run: async (job, emit, signal) => (await import('./data-jsonl.run.js')).run(job, emit, signal),
});
