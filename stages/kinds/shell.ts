import type { TUnsafe } from 'typebox';
import { artifactTypes, type ArtifactType } from '../../schemas/artifact.js';
import { Type, type Static, type TSchema } from '../../schemas/type.js';
import { defineKind, type InputTraits, type Problem } from '../../runner/contract.js';
import { commandWords } from '../shell/command-words.js';
import { variableName } from '../shell/variables.js';

type Outputs = Readonly<Record<string, { readonly path: string; readonly type: ArtifactType }>>;

const output = Type.Object(
  {
    path: Type.String({
      description: 'Where the script writes it, below the working folder; `$MOFT_OUTPUT_<NAME>` holds it.',
      minLength: 1,
    }),
    type: Type.Enum(artifactTypes, { description: 'What it is; checked.', default: 'file' }),
  },
  { additionalProperties: false },
);

/** A map of outputs by name. */
const outputs = Type.Object(
  {},
  {
    additionalProperties: false,
    patternProperties: { '^[a-z][a-z0-9_-]*$': output },
    description: 'What it leaves, by name: `{scores: {path: scores.json, type: file}}`.',
  },
) as TSchema as TUnsafe<Outputs>;

export const ShellWith = Type.Object({
  run: Type.String({
    description:
      'The script, given to `/bin/sh -eu` in a folder that holds the declared files and nothing else. Its text counts; ' +
      'nothing in it is replaced: it reads its inputs from variables.',
    minLength: 1,
    raw: true,
  }),
  outputs,
  params: Type.Record(Type.String(), Type.Any(), {
    description: 'Values for the script, which finds them as JSON in `$MOFT_PARAMS`.',
    default: {},
  }),
  link: Type.Boolean({
    description:
      'Share the files of inputs with the store instead of copying them. They are compared after the run: a script ' +
      'that writes to one fails.',
    default: false,
  }),
  snapshot: Type.Boolean({
    description:
      'Copy paths among `inputs` before the run. Without it they are read where they lie, wherever that is, and the ' +
      'result is not kept if they change meanwhile.',
    default: true,
  }),
  container: Type.Optional(
    Type.String({
      description: 'Not supported: start the container in `run`, with the digest of its image.',
    }),
  ),
});
export type ShellWith = Static<typeof ShellWith>;

function check(values: ShellWith, inputs: InputTraits): Problem[] {
  return [
    ...checkContainer(values),
    ...checkOutputs(values.outputs),
    ...checkNames(
      'inputs',
      Object.keys(inputs).filter((name) => !name.includes('/')),
    ),
    ...checkNames('outputs', Object.keys(values.outputs)),
  ];
}

function checkContainer({ container }: ShellWith): Problem[] {
  if (container === undefined) return [];
  return [
    {
      code: 'container',
      path: ['container'],
      message: 'moft starts no containers',
      hint: 'remove `container` and start it in `run`, by digest: `docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:$PWD" -w "$PWD" image@sha256:... command`',
    },
  ];
}

/** What is wrong with a path below the working folder, as the end of a sentence. */
function pathFault(path: string): string | undefined {
  if (path.startsWith('/')) return 'is absolute';
  if (path.includes('\0') || path.includes('\\')) return 'has a NUL or a backslash in it';
  const parts = path.replace(/\/$/, '').split('/');
  return parts.some((part) => part === '' || part === '.' || part === '..')
    ? 'has an empty part, `.` or `..` in it'
    : undefined;
}

function checkOutputs(outputs: ShellWith['outputs']): Problem[] {
  const all = Object.entries(outputs);
  if (all.length === 0)
    return [
      {
        code: 'no-outputs',
        path: ['outputs'],
        message: 'a script without outputs leaves nothing that could be kept',
        hint: 'name what it writes: `outputs: {log: {path: log.txt}}`',
      },
    ];
  return all.flatMap(([name, { path }], index) => {
    const fault = pathFault(path);
    const at = ['outputs', name, 'path'];
    if (fault !== undefined)
      return [
        {
          code: 'output-path',
          path: at,
          message: `the path ${JSON.stringify(path)} ${fault}`,
          hint: 'write a path below the working folder, such as `out/scores.json`',
        },
      ];
    const other = all.slice(0, index).find(([, one]) => overlap(one.path, path));
    if (!other) return [];
    return [
      {
        code: 'output-path',
        path: at,
        message: `the outputs \`${other[0]}\` and \`${name}\` lie in each other`,
        hint: 'give each a file or folder of its own',
      },
    ];
  });
}

const slashed = (path: string): string => (path.endsWith('/') ? path : `${path}/`);
const overlap = (a: string, b: string): boolean =>
  slashed(a).startsWith(slashed(b)) || slashed(b).startsWith(slashed(a));

/** `a-b` and `a_b` would be one variable. */
function checkNames(key: string, names: readonly string[]): Problem[] {
  return names.flatMap((name, index) => {
    const other = names.slice(0, index).find((one) => variableName(one) === variableName(name));
    if (other === undefined) return [];
    const message = `\`${other}\` and \`${name}\` would both be ${variableName(name)} in the script's variables`;
    return [{ code: 'variable-name', path: [key, name], message, hint: 'rename one of them' }];
  });
}

export default defineKind({
  name: 'shell',
  version: 1,
  description:
    'Runs any command as a stage: a Python trainer, an evaluator, a converter. The script works in a folder that holds ' +
    'the declared files; it finds its inputs, its outputs, its params and its seed in variables that begin with `MOFT_`, ' +
    'and no other variables but PATH, LANG, a scratch HOME and TMPDIR, and those that the stage names under `env` and ' +
    '`secrets`. Its key holds its text, its files, its inputs, and the programs that it starts as far as its text names ' +
    'them. See docs/shell.md.',
  with: ShellWith,
  inert: ['link'],
  inputs: {
    inputs: {
      type: 'any',
      many: 'map',
      list: 'either',
      path: true,
      placed: true,
      optional: true,
      inPlace: ({ snapshot }) => snapshot === false,
      description:
        'What it reads, by name: references, or paths relative to the pipeline file; `$MOFT_INPUT_<NAME>` holds the path. ' +
        'A gathered reference is a folder of its items with `items.json`.',
    },
    files: {
      type: 'any',
      many: 'list',
      path: 'only',
      placed: true,
      optional: true,
      description:
        'Its code: files and folders of the project, found in the working folder at their relative paths.',
    },
    lock: {
      type: 'file',
      path: 'only',
      placed: true,
      optional: true,
      description:
        'A file that pins the packages its programs load, such as uv.lock or requirements.txt; it counts. Without one ' +
        "the plan says that they don't.",
    },
  },
  outputs: ({ outputs }) =>
    Object.fromEntries(Object.entries(outputs).map(([name, { type }]) => [name, { type }])),
  check,
  programs: ({ run }) => ['/bin/sh', ...commandWords(run)],
  remarks: (_values, inputs) =>
    inputs.has('lock') ? [] : ['no `lock:`, so the packages that its programs load are not in the key'],
  randomness: 'declared',
  engine: false,
  run: async (job, emit, signal, { workshop }) =>
    (await import('./shell.run.js')).run(job, emit, signal, workshop),
});
