/**
 * The language's own shape: every key of a pipeline file with what it takes, its description and its default. The
 * reader takes its keys from here, the editor's schema and hovers their texts. What stands under `with` is the kinds'.
 */
import { Type, type TObject, type TSchema } from './type.js';

/** Names as they may be written. */
export const patterns = {
  stage: '^[a-z][a-z0-9-]*$',
  /** Params, axes, outputs. */
  name: '^[a-z][a-z0-9_-]*$',
  /** Values of an axis, presets, ablations. */
  value: '^[A-Za-z0-9+-][A-Za-z0-9._+-]{0,63}$',
  variable: '^[A-Za-z_][A-Za-z0-9_]*$',
  duration: '^([0-9]+(\\.[0-9]+)?\\s*(ms|s|min|m|h|d)\\s*)+$',
  bytes: '^([0-9]+(?:\\.[0-9]+)?)\\s*([KMGT]i?B|B)$',
} as const;

const closed = { additionalProperties: false } as const;
/** Takes `$params.x` instead of its value. */
const orParam = { param: true } as const;
/** Text that is never read for references. */
const raw = { raw: true } as const;

/** A map from names of a form to one kind of value. */
const named = (
  pattern: string,
  value: TSchema,
  options: { readonly description: string; readonly minProperties?: number },
) => Type.Object({}, { ...options, ...closed, patternProperties: { [pattern]: value } });

/** Most replicates of a stage; most cells of a file that doesn't say. */
export const limits = { seeds: 10_000, cells: 10_000 } as const;

/** Where a cell may run. */
export const executors = ['local'] as const;

/** Whether another machine's numbers are taken for this one's: the first is what holds where a file doesn't say. */
export const reproducible = ['relaxed', 'strict'] as const;

export const onFailure = ['finish-running', 'fail-fast', 'keep-going'] as const;

const seedForms = [
  Type.Integer({ minimum: 1, maximum: limits.seeds, description: 'So many replicates: seeds 0, 1, ...' }),
  Type.Array(Type.Integer({ minimum: 0 }), {
    minItems: 1,
    uniqueItems: true,
    description: 'The seeds themselves.',
  }),
];

const Executor = Type.Enum(executors, {
  ...orParam,
  default: executors[0],
  description: 'Where cells run: `local` is this machine.',
});

const duration = (description: string) =>
  Type.String({
    ...orParam,
    pattern: patterns.duration,
    takes: 'a duration such as `90s`, `15m`, `2h` or `1h30m`',
    description,
  });

const Timeout = Type.Union(
  [
    duration('Longest time a cell may run: `90s`, `15m`, `2h`, `1h30m`. Without it there is no limit.'),
    Type.Object(
      {
        wall: Type.Optional(duration('Longest time a cell may run.')),
        silent: Type.Optional(
          duration('Longest time without an event, a line of output or another sign of life from the cell.'),
        ),
      },
      { ...closed, description: 'Two limits, of which either may be left out.' },
    ),
  ],
  { ...orParam, description: 'How long a cell may run: a duration, or `{wall: 2h, silent: 10m}`.' },
);

export const ResourcesSchema = Type.Object(
  {
    cpu: Type.Optional(
      Type.Number({ ...orParam, exclusiveMinimum: 0, description: 'Processor cores a cell takes.' }),
    ),
    memory: Type.Optional(
      Type.Union(
        [
          Type.String({ pattern: patterns.bytes, takes: 'a size such as `512MiB` or `2GiB`' }),
          Type.Integer({ minimum: 1, takes: 'a number of bytes' }),
        ],
        {
          ...orParam,
          description: 'Memory a cell takes: `512MiB`, `2GiB`, or a number of bytes.',
        },
      ),
    ),
    gpu: Type.Optional(
      Type.Integer({
        ...orParam,
        minimum: 0,
        description:
          'Graphics cards a cell takes, each of them alone: it sees no others. 0 hides them all; without it a cell sees what `moft` sees.',
      }),
    ),
    tokens: Type.Optional(
      named(
        patterns.name,
        Type.Integer({ ...orParam, minimum: 1, description: 'How many of it a cell holds.' }),
        {
          description:
            'Anything of which there is only so much, by a name of yours (`judge-rpm: 10`). How much there is says `--token`, or `moft.yaml`.',
        },
      ),
    ),
  },
  {
    ...closed,
    description:
      'What a cell takes of the machine; cells run beside each other as far as this allows. Never part of a key.',
  },
);

const retryCount = (what: string) =>
  Type.Optional(Type.Integer({ ...orParam, minimum: 0, description: `Further tries after ${what}.` }));

export const RetriesSchema = Type.Object(
  {
    user: retryCount('a failure that the settings or the data cause'),
    resource: retryCount('a failure for want of memory, disk or time'),
    infrastructure: retryCount('a failure of the machine: a worker that was killed or lost'),
  },
  { ...closed, description: 'How often a failed cell is tried again, by the class of its failure.' },
);

export const DefaultsSchema = Type.Object(
  {
    resources: Type.Optional(ResourcesSchema),
    timeout: Type.Optional(Timeout),
    retries: Type.Optional(RetriesSchema),
  },
  { ...closed, description: 'What holds for every stage that does not say otherwise.' },
);

const Scalar = Type.Union([Type.String(), Type.Number(), Type.Boolean()]);

const AxisValues = Type.Union(
  [
    Type.Array(Scalar, { minItems: 1, description: 'Values that are their own names.' }),
    named(patterns.value, Type.Any(), {
      minProperties: 1,
      description: 'Named values: anything, such as settings or references.',
    }),
  ],
  {
    ...orParam,
    description:
      'A named dimension of the stage: a list of scalars, a map of named values, or a param that holds one of these. ' +
      '`$matrix.<axis>` reads its value under `with`.',
  },
);

/** Keys of `matrix` that are no axes. */
export const matrixShape = {
  zip: Type.Optional(
    named(patterns.name, AxisValues, {
      description:
        'Axes of equal length that go together: their first values, their second, and so on. Each stays an axis of its ' +
        'own; the pairs are multiplied with the other axes.',
    }),
  ),
  exclude: Type.Optional(
    Type.Array(named(patterns.name, Scalar, { minProperties: 1, description: 'Values that never meet.' }), {
      description: 'Combinations to leave out: each item names values of own or carried axes.',
    }),
  ),
};

export const MatrixSchema = Type.Object(matrixShape, {
  ...closed,
  patternProperties: { '^(?!(zip|exclude|seed|ablation)$)[a-z][a-z0-9_-]*$': AxisValues },
  description:
    "The stage's own axes: one cell for each combination of their values, and for each cell of what the stage refers " +
    'to. Axes of referred stages are carried without being written here.',
});

const variables = (description: string) =>
  Type.Array(Type.String({ pattern: patterns.variable, takes: 'the name of a variable' }), {
    ...raw,
    uniqueItems: true,
    description,
  });

export const StageSchema = Type.Object(
  {
    uses: Type.String({
      ...raw,
      takes: 'the name of a kind',
      description: 'The kind of the stage: what it does.',
    }),
    with: Type.Optional(
      Type.Object(
        {},
        { description: "The kind's inputs and settings. Inputs take references: `$stage.output`." },
      ),
    ),
    matrix: Type.Optional(MatrixSchema),
    seeds: Type.Optional(
      Type.Union([...seedForms, Type.Literal(false, { description: 'Seed 0, and no axis.' })], {
        ...orParam,
        description:
          'Replicates of a stage that trains: a count, a list, or `false` for one that all replicates share. ' +
          'Default: the `seeds` of the file.',
      }),
    ),
    needs: Type.Optional(
      Type.Array(Type.String({ pattern: patterns.stage, takes: 'the name of a stage' }), {
        ...raw,
        uniqueItems: true,
        description:
          'Stages whose cells must be done first, though nothing of them is read. Carries no axes.',
      }),
    ),
    env: Type.Optional(
      variables('Environment variables that are passed to the stage; their values are part of its keys.'),
    ),
    secrets: Type.Optional(
      variables('Environment variables that are passed, never part of a key, and never shown.'),
    ),
    resources: Type.Optional(ResourcesSchema),
    priority: Type.Optional(
      Type.Integer({
        ...orParam,
        default: 0,
        description:
          'Of cells that could start, those of higher priority do, and with them what they wait for; among equals, the ' +
          'longest chain of measured durations. Never part of a key.',
      }),
    ),
    timeout: Type.Optional(Timeout),
    retries: Type.Optional(RetriesSchema),
    executor: Type.Optional(Executor),
  },
  {
    ...closed,
    description: 'A node of the experiment: what it uses, with which settings, along which axes.',
  },
);

const Patch = Type.Object({}, { description: 'Settings to change under `with`; maps merge key by key.' });

export const AblationSchema = Type.Object(
  {
    one_at_a_time: Type.Optional(
      named(patterns.value, Patch, {
        description:
          'Variants by name, each with one patch of `with`. The same name under two stages is one variant.',
      }),
    ),
    leave_one_out: Type.Optional(
      Type.Array(Type.String(), {
        minItems: 1,
        uniqueItems: true,
        description: 'Settings that hold a list of names: one variant without each of them.',
      }),
    ),
  },
  { ...closed, description: 'Variants of the whole file that differ in the settings of this stage.' },
);

const Params = named(patterns.name, Type.Any(), {
  description:
    'Named values that `$params.<name>` reads anywhere. Each has a default of its type; `null` is none: `-p` gives it.',
});

export const PipelineSchema = Type.Object(
  {
    name: Type.String({ ...orParam, minLength: 1, description: 'Name of the pipeline.' }),
    description: Type.Optional(
      Type.String({ ...raw, minLength: 1, description: 'What is asked, in a sentence or a paragraph.' }),
    ),
    experiment: Type.Optional(
      Type.String({
        ...orParam,
        minLength: 1,
        description: 'Experiment that the runs are tracked under. Default: the name.',
      }),
    ),
    seeds: Type.Optional(
      Type.Union(seedForms, {
        ...orParam,
        description:
          'Replicates: a count or a list of seeds. Gives every stage that trains the axis `seed`. ' +
          'Default: seed 0 alone, and no axis.',
      }),
    ),
    params: Type.Optional(Params),
    presets: Type.Optional(
      named(patterns.value, Type.Object({}, { description: 'Values of params.' }), {
        description: 'Named sets of values for params; `--preset <name>` takes one.',
      }),
    ),
    defaults: Type.Optional(DefaultsSchema),
    stages: named(patterns.stage, StageSchema, {
      minProperties: 1,
      description: 'The stages by name. `$<stage>.<output>` reads what a stage gives.',
    }),
    ablations: Type.Optional(
      named(patterns.stage, AblationSchema, {
        description: 'Variants of the file, by the stage whose settings they change. They never multiply.',
      }),
    ),
    max_cells: Type.Optional(
      Type.Integer({
        ...orParam,
        minimum: 1,
        default: limits.cells,
        description: 'Most cells that the file may have, all variants counted: what stops an explosion.',
      }),
    ),
    executor: Type.Optional(Executor),
    reproducible: Type.Optional(
      Type.Enum(reproducible, {
        ...orParam,
        default: reproducible[0],
        description:
          '`strict` puts the numeric environment (engine, its version and threads, graphics card, processor architecture, ' +
          'major version of Node) into every key, so that nothing computed elsewhere is a hit; `relaxed` takes such results and says so.',
      }),
    ),
    on_failure: Type.Optional(
      Type.Enum(onFailure, {
        ...orParam,
        default: onFailure[0],
        description:
          'After a failure: `finish-running` starts no further cell, `fail-fast` also stops those that run, ' +
          '`keep-going` runs all that do not need the failed cell.',
      }),
    ),
  },
  { ...closed, description: 'A moft pipeline.' },
);

/** The keys of a map of the language, in the order in which they are best written. */
export const keysOf = <S extends TObject>(schema: S): readonly (keyof S['properties'] & string)[] =>
  Object.keys(schema.properties);
