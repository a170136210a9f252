/** Settings and ports that kinds which read data files share. */
import type { InputPort, InputTraits, OutputPort, Problem } from '../../runner/contract.js';
import { Type, type Static, type TSchema } from '../../schemas/type.js';
import { longerChoices } from './length.js';
import { repeatChoices } from './rows.js';

export const splitNames = ['train', 'validation', 'test'] as const;
export type SplitName = (typeof splitNames)[number];

const closed = { additionalProperties: false } as const;

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
      fewest: Type.Integer({
        description: `Fewest words and marks: a row with a shorter ${what} is left out.`,
        default: 0,
        minimum: 0,
      }),
    },
    `Lengths of a ${what}: prompt, separator and response must fit the model's context.`,
    { words: 0, longer: 'error', fewest: 0 },
  );

const perSplit = options(
  {
    train: Type.Integer({ description: 'Most training rows.', default: 0, minimum: 0 }),
    validation: Type.Integer({ description: 'Most validation rows.', default: 0, minimum: 0 }),
    test: Type.Integer({ description: 'Most test rows.', default: 0, minimum: 0 }),
  },
  'Most rows a split, from the front; 0: all.',
  { train: 0, validation: 0, test: 0 },
);

const share = (name: string) =>
  Type.Number({
    description: `Expected share of the ${name} rows; 0: no such split.`,
    minimum: 0,
    exclusiveMaximum: 1,
    default: name === 'test' ? 0.1 : 0,
  });

/** What is done with rows, wherever they come from. */
export const rowOptions = {
  columns: options(
    {
      prompt: Type.String({ description: 'What is summarised or answered: a text.', default: 'prompt' }),
      response: Type.Optional(
        Type.String({
          description:
            'What is learnt: a text, or a list of texts, of which the first is learnt and all are references. ' +
            'Left out: the rows are prompts only.',
        }),
      ),
      chosen: Type.Optional(
        Type.String({ description: 'Of a pair of responses the one that was preferred: a text.' }),
      ),
      rejected: Type.Optional(Type.String({ description: 'The other one of the pair: a text.' })),
      id: Type.Optional(
        Type.String({ description: 'Names the row. Left out: the split and the number of the row do.' }),
      ),
    },
    'Names of the fields; a dotted name leads into an object or a list (`article.body`, `messages.0.content`).',
    { prompt: 'prompt', response: 'response' },
  ),
  prompt: lengthLimit('prompt'),
  response: lengthLimit('response'),
  deduplicate: Type.Enum(repeatChoices, {
    description:
      'Leaves out a row that repeats an earlier one of its file or split: its prompt (`prompts`), or all its texts (`rows`).',
    default: 'keep',
  }),
  overlap: Type.Enum(['warn', 'remove'] as const, {
    description:
      'What becomes of training rows whose prompt a held-out split has, too: a warning, or they leave the training split.',
    default: 'warn',
  }),
  documents: perSplit,
  split: options(
    {
      validation: share('validation'),
      test: share('test'),
      salt: Type.String({ description: 'Another text draws another division.', default: '' }),
    },
    'With `rows` alone: divides them by a hash of the id (of the prompt, where `columns` names no id), so that a row ' +
      'stays in its split when others come or go.',
    { validation: 0, test: 0.1, salt: '' },
  ),
} as const;

const fileNames = (extension: string) =>
  options(
    {
      rows: Type.Optional(Type.String({ description: 'File of rows for `split` to divide.' })),
      train: Type.Optional(Type.String({ description: 'File of the training rows.' })),
      validation: Type.Optional(Type.String({ description: 'File of the validation rows.' })),
      test: Type.Optional(Type.String({ description: 'File of the test rows.' })),
    },
    'With a `folder`: names of the files of the splits in it; a split that is not named is not made.',
    { train: `train.${extension}`, test: `test.${extension}` },
  );

/** Settings of a kind that reads a file a split. */
export const fileOptions = (extension: string) => ({ files: fileNames(extension), ...rowOptions });

export type RowSettings = Static<ReturnType<typeof Type.Object<typeof rowOptions>>>;
export type FileSettings = Static<ReturnType<typeof Type.Object<ReturnType<typeof fileOptions>>>>;

/** What a kind that reads files is given: a folder, or files. */
const fileInputs = (format: string): Record<string, InputPort> => {
  const file = (what: string): InputPort => ({
    ...{ type: 'file', optional: true, path: true, description: `${format} file of ${what}.` },
  });
  return {
    folder: {
      ...{ type: 'directory', optional: true, path: true },
      description: 'Folder with the files that `files` names.',
    },
    rows: file('rows that `split` divides'),
    train: file('the training rows'),
    validation: file('the validation rows'),
    test: file('the test rows'),
  };
};

/** Whether one file is divided: `rows` is given, or named in the folder. */
export const isDivided = (values: Pick<FileSettings, 'files'>, bound: (input: string) => boolean): boolean =>
  bound('folder') ? values.files.rows !== undefined : bound('rows');

/** The splits that `split` makes. */
export const sharedSplits = ({ split }: Pick<RowSettings, 'split'>): SplitName[] =>
  splitNames.filter((name) => name === 'train' || split[name] > 0);

/** The splits that will be made. */
export function splitsOf(
  values: Pick<FileSettings, 'files' | 'split'>,
  bound: (input: string) => boolean,
): SplitName[] {
  if (isDivided(values, bound)) return sharedSplits(values);
  if (bound('folder')) return splitNames.filter((name) => values.files[name] !== undefined);
  return splitNames.filter(bound);
}

/** Which files are given is clear; `example` is the extension of a file. */
function checkFiles(values: FileSettings, inputs: InputTraits, extension: string): Problem[] {
  const given = ['rows', ...splitNames].filter((name) => name in inputs);
  if ('folder' in inputs && given.length > 0)
    return [
      {
        ...{ code: 'data-inputs', path: [given[0] ?? 'train'] },
        message: 'expected either a folder or files, found both',
        hint: 'name the files of the folder under `files`, or leave `folder` out',
      },
    ];
  if ('rows' in inputs && given.length > 1) return [bothWays([given[1] ?? 'train'])];
  const named = Object.keys(values.files);
  const isNamed = 'folder' in inputs && values.files.rows !== undefined && named.length > 1;
  if (isNamed) return [bothWays(['files', 'rows'])];
  if (splitsOf(values, (name) => name in inputs).length > 0) return checkRows(values);
  return [
    {
      ...{ code: 'data-inputs', path: [] },
      message: 'expected a folder, or a file for train, validation or test, or one of `rows`; found none',
      hint: `write \`folder: path/to/folder\`, or \`train: path/to/train.${extension}\``,
    },
  ];
}

const bothWays = (path: readonly string[]): Problem => ({
  ...{ code: 'data-inputs', path },
  message: 'expected either `rows`, which `split` divides, or a file a split; found both',
  hint: 'leave one of them out',
});

/** What can be said of the settings of rows. */
export function checkRows({ columns, split }: RowSettings): Problem[] {
  const problems: Problem[] = [];
  if ((columns.chosen === undefined) !== (columns.rejected === undefined)) {
    const [given, other] =
      columns.chosen === undefined ? ['rejected', 'chosen'] : (['chosen', 'rejected'] as const);
    problems.push({
      ...{ code: 'half-pair', path: ['columns', given] },
      message: `expected \`chosen\` and \`rejected\` together, found \`${given}\` alone`,
      hint: `name the column of \`${other}\`, too`,
    });
  }
  if (split.validation + split.test >= 1)
    problems.push({
      ...{ code: 'no-training-share', path: ['split'] },
      message: `expected shares below 1 together, found ${split.validation} and ${split.test}: nothing is left to train on`,
      hint: 'lower one of them',
    });
  return problems;
}

/** A dataset a split, with the columns that are named. */
export function datasetPorts(
  names: readonly SplitName[],
  { columns }: Pick<RowSettings, 'columns'>,
): Record<string, OutputPort> {
  const learnt = columns.response === undefined ? [] : ['response', 'references'];
  const pairs = columns.chosen === undefined ? [] : ['chosen', 'rejected'];
  const port: OutputPort = {
    type: 'dataset',
    traits: { columns: ['id', 'prompt', ...learnt, ...pairs], rewards: [] },
  };
  return Object.fromEntries(names.map((name) => [name, port]));
}

/** What kinds that read files have in common, but for their settings and the reading itself. */
export const fileParts = (format: string, extension: string) =>
  ({
    inputs: fileInputs(format),
    // Of a folder, `files` says how its rows are divided.
    idle: (inputs: ReadonlySet<string>): readonly string[] => {
      if (inputs.has('folder')) return [];
      return inputs.has('rows') ? ['files'] : ['files', 'split'];
    },
    outputs: (values: FileSettings, inputs: InputTraits) =>
      datasetPorts(
        splitsOf(values, (name) => name in inputs),
        values,
      ),
    check: (values: FileSettings, inputs: InputTraits) => checkFiles(values, inputs, extension),
    randomness: 'none',
    engine: false,
  }) as const;
