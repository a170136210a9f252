import type { ArtifactType } from '../schemas/artifact.js';
import type { Json, JsonObject } from '../schemas/json.js';
import type { RecordedArtifact } from '../schemas/protocol.js';
import type { KindRegistry } from '../runner/contract.js';
import { cellId, type Coordinates } from '../runner/language/cell-id.js';
import type { Cell } from '../runner/pipeline.js';
import { runSide } from '../runner/plan/run-side.js';
import type { Store } from '../runner/store/index.js';
import { parseId } from './cells.js';
import { jsonOption, type CommandSpec } from './command.js';
import { exitCode } from './exit.js';
import type { CliHost } from './host.js';
import { open, printJson, storeRoot } from './load.js';
import { flag, text } from './options.js';
import { newestResult, standings, type NamedResult, type Standing } from './results.js';
import { keptSource, sourceLine, type KeptSource } from './source.js';
import { bytes, clean, columns, counted, duration } from './text.js';
import { trackOption } from './track/target.js';

const spec: CommandSpec = {
  usage: 'show <cell>',
  description: 'Show the newest result of a cell: values, inputs, artifacts and their paths',
  options: [
    ['--run <id>', 'Look in this run only'],
    ['--all', 'Also list all results under its key, and which of them is served'],
    ['--mlflow', 'Print the address of its run on the MLflow server instead'],
    trackOption,
    jsonOption,
  ],
  examples: [
    'show clp/conditioning=full,seed=0',
    'show reference/seed=0 --json',
    'show reference/seed=0 --mlflow',
  ],
  async run([pattern], options, host) {
    const store = await open(storeRoot(host.cwd, host), 'read', host);
    if (!store) return exitCode.environment;
    const result = newestResult(store, pattern ?? '', text(options, 'run'));
    if (flag(options, 'mlflow')) {
      const { showOnServer } = await import('./track/look.js');
      return showOnServer(result, { store, options, host });
    }
    const kinds = await host.kinds();
    const others = flag(options, 'all') ? await standings(store, result.record.key) : [];
    if (flag(options, 'json')) printJson(showJson(result, others, store), host);
    else printResult(result, others, { store, host, kinds });
    return exitCode.done;
  },
};
export default spec;

interface Preimage {
  readonly with?: JsonObject;
  readonly seed?: number;
  readonly inputs?: Readonly<
    Record<string, InputDigest | readonly (InputDigest & { stage: string; coordinates: unknown })[]>
  >;
}
interface InputDigest {
  readonly digest: string;
  /** Of a path, where its place counts. */
  readonly at?: string;
}

function showJson(
  { id, record }: NamedResult,
  others: readonly Standing[],
  store: Store,
): Record<string, unknown> {
  const { kind, artifacts, seconds, finished, preimage } = record.record;
  const { with: params, seed, inputs } = preimage as Preimage;
  return {
    id,
    key: record.key,
    kind,
    coordinates: parseId(id).coordinates,
    params,
    ...(seed === undefined ? {} : { seed }),
    inputs: Object.fromEntries(Object.entries(inputs ?? {}).map(([name, input]) => [name, digests(input)])),
    artifacts: artifacts.map(({ name, type, digest, bytes }) => ({
      name,
      type,
      ...where(store, type, digest),
      digest,
      bytes,
    })),
    seconds,
    finished,
    run: record.record.run,
    ...sourceOfRun(record.record.run, store),
    environment: record.record.environment,
    ...(others.length === 0
      ? {}
      : {
          results: others.map(({ result, chosen, pinned }) => ({
            record: result.digest,
            finished: result.record.finished,
            run: result.record.run,
            chosen,
            pinned,
          })),
        }),
  };
}

/** Of the run that made the result, where this store knows it: a pulled result was made elsewhere. */
function sourceOfRun(run: string, { runs }: Store): KeptSource {
  const manifest = runs.read(run);
  return manifest ? keptSource(manifest, runs) : {};
}

function digests(input: NonNullable<Preimage['inputs']>[string]): unknown {
  if (!Array.isArray(input)) return (input as InputDigest).digest;
  return (input as readonly (InputDigest & { stage: string; coordinates: unknown })[]).map(
    ({ stage, coordinates, digest }) => ({ stage, coordinates, digest }),
  );
}

/** Longest value that stands in one line. */
const widestValue = 60;

/** Each setting in a line; what is too long for one, by its parts; those that an input makes idle by their names. */
function withRows(values: JsonObject, idle: readonly string[]): string[] {
  const rows = (path: string, value: Json): string[][] => {
    const text = JSON.stringify(value);
    const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
    return text.length > widestValue && isMap
      ? Object.entries(value as JsonObject).flatMap(([key, item]) => rows(`${path}.${key}`, item))
      : [['   ', path, text]];
  };
  const told = Object.entries(values).filter(([key]) => !idle.includes(key));
  const all = [
    ...told.flatMap(([key, value]) => rows(key, value)),
    ...(idle.length === 0 ? [] : [['   ', '(not used)', `${idle.join(', ')}: its inputs decide that`]]),
  ];
  return all.length === 0 ? [] : ['  with', ...columns(all)];
}

/**
 * Each input by the digest of what it read and who made that; a gathered one by its items. One that no record of its run
 * made may be a file, or its maker's record wasn't kept.
 */
function inputRows(inputs: NonNullable<Preimage['inputs']>, makers: Cell['inputs']): string[] {
  const rows = Object.entries(inputs).flatMap(([name, input]): string[][] => {
    const maker = makers[name];
    if (!Array.isArray(input)) {
      const { digest, at } = input as InputDigest;
      const outside = at === undefined ? '' : 'from outside';
      const from = maker?.kind === 'artifact' ? `${maker.output} of ${maker.cell}` : outside;
      return [['   ', name, digest, from]];
    }
    const items = input as readonly (InputDigest & { stage: string; coordinates: unknown })[];
    return items.map(({ stage, coordinates, digest }, at) => {
      const made = maker?.kind === 'gathered' ? maker.items[at] : undefined;
      const from = made ? `${made.output} of ${made.cell}` : cellId(stage, coordinates as Coordinates);
      return ['   ', at === 0 ? name : '', digest, from];
    });
  });
  return rows.length === 0 ? [] : ['  inputs', ...columns(rows)];
}

/** Where an artifact lies: the file itself, or a folder's listing beside the path of each of its files. */
function where(store: Store, type: ArtifactType, digest: string): { path: string | null; files?: unknown } {
  const found = store.cas.artifactRef(type, digest);
  if (!found.ok) return { path: null };
  return { path: found.value.path, ...(found.value.files ? { files: found.value.files } : {}) };
}

/** A file by its path; a folder by the path of each of its files, which can be opened as they lie. */
function artifactRows({ name, type, digest, bytes: size }: RecordedArtifact, store: Store): string[][] {
  const found = store.cas.artifactRef(type, digest);
  const head = ['   ', name, type, bytes(size)];
  if (!found.ok) return [[...head, 'missing']];
  const { path, files } = found.value;
  if (!files) return [[...head, path]];
  const all = Object.entries(files);
  return [
    [...head, counted(all.length, 'file')],
    ...all.map(([file, at]) => ['   ', '', '', '', `${file}  ${at}`]),
  ];
}

function resultRow({ result, chosen, pinned }: Standing): string[] {
  const { run, finished } = result.record;
  const marks = [...(chosen ? ['served'] : []), ...(pinned ? ['pinned'] : [])];
  return ['   ', result.digest, run, finished, marks.join(', ')];
}

function printResult(
  { id, record, run: asked }: NamedResult,
  others: readonly Standing[],
  { store, host, kinds }: { store: Store; host: CliHost; kinds: KindRegistry },
): void {
  const { kind, artifacts, seconds, finished, preimage, run } = record.record;
  const { with: values = {}, inputs = {} } = preimage as Preimage;
  const idle = kinds.get(kind)?.idle?.(new Set(Object.keys(inputs))) ?? [];
  const makers = runSide(asked, store.records).get(id)?.cell.inputs ?? {};
  const source = sourceLine(sourceOfRun(run, store));
  const lines = [
    `${id}  (${kind})`,
    `  pipeline  ${asked.pipeline}`,
    `  run       ${run}`,
    ...(source === undefined ? [] : [`  source    ${source}`]),
    `  finished  ${finished}, took ${duration(seconds)}`,
    `  key       ${record.key}`,
    ...withRows(
      values,
      idle.filter((name) => name in values),
    ),
    ...inputRows(inputs, makers),
    '  artifacts',
    ...columns(artifacts.flatMap((artifact) => artifactRows(artifact, store))),
    ...(others.length === 0 ? [] : ['  results', ...columns(others.map(resultRow))]),
  ];
  host.stdout.write(clean(`${lines.join('\n')}\n`));
}
