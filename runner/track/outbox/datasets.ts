/** Datasets as a server shows them: what they are called, what a row holds, how many there are, and who made them. */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import path from 'node:path';
import type { DatasetManifest } from '../../../schemas/artifact.js';
import type { Json } from '../../../schemas/json.js';
import type { Store } from '../../store/index.js';
import type { DatasetInput } from '../mlflow/index.js';
import { partsOf } from '../shape/names.js';
import { fittingName, limits } from '../mlflow/index.js';
import type { Made, Makers, NamedInput } from './makers.js';
import type { RunPicture } from './picture.js';

interface Context {
  readonly store: Store;
  readonly run: RunPicture;
  readonly makers: Makers;
}

/** The datasets that a cell read, each under the name of the output that it is. */
export const datasetsRead = (
  inputs: readonly NamedInput[],
  { store, run, makers }: Context,
): readonly DatasetInput[] =>
  inputs.flatMap(({ name, artifact: { type, digest } }) => {
    if (type !== 'dataset') return [];
    const made = makers.of(run, digest);
    return [{ ...describe(store, run, { digest, name, made }), context: name }];
  });

/** The datasets of a whole run, those of cached cells among them. */
export const datasetsMade = ({ store, run, makers }: Context): readonly DatasetInput[] =>
  makers.all(run).flatMap((made) => {
    const { name, type, digest } = made.artifact;
    return type === 'dataset' ? [{ ...describe(store, run, { digest, name, made }), context: name }] : [];
  });

function describe(
  store: Store,
  { file }: RunPicture,
  { digest, name, made }: { readonly digest: string; readonly name: string; readonly made: Made | undefined },
): DatasetInput {
  const source = {
    'mlflow.source.type': 'PROJECT',
    'mlflow.source.name': path.basename(file),
    'moft.digest': digest,
    ...(made ? { 'moft.cell': made.cell, 'moft.output': made.artifact.name } : {}),
  };
  return {
    name: fittingName(made ? `${partsOf(made.cell).stage}.${made.artifact.name}` : name),
    digest: digest.slice(0, limits.datasetDigest),
    // The type of the server's own for what code makes; its clients refuse those that they don't know.
    sourceType: 'code',
    source: JSON.stringify({ tags: source }),
    ...content(store, digest),
  };
}

/** Undefined where the store has lost it. */
function content(store: Store, digest: string): Pick<DatasetInput, 'schema' | 'profile'> {
  const found = store.cas.artifactRef('dataset', digest);
  const { 'manifest.json': manifest, 'rows.jsonl': rows } = (found.ok ? found.value.files : undefined) ?? {};
  if (manifest === undefined || rows === undefined) return {};
  try {
    const read = JSON.parse(readFileSync(manifest, 'utf8')) as DatasetManifest;
    const first = firstRow(rows);
    const columns = read.columns.map((name) => ({ ...typeOf(first[name]), name, required: true }));
    return {
      schema: JSON.stringify({ mlflow_colspec: columns }),
      profile: JSON.stringify({
        num_rows: read.rows,
        num_elements: read.rows * read.columns.length,
        ...(read.rewards.length > 0 ? { rewards: read.rewards } : {}),
        ...(read.world ? { world: read.world } : {}),
      }),
    };
  } catch {
    return {};
  }
}

/** Bytes within which the first row is looked for. */
const head = 1 << 16;

function firstRow(file: string): Readonly<Record<string, Json>> {
  const handle = openSync(file, 'r');
  try {
    const buffer = Buffer.alloc(head);
    const text = buffer.toString('utf8', 0, readSync(handle, buffer, 0, head, 0));
    const end = text.indexOf('\n');
    return end < 0 ? {} : (JSON.parse(text.slice(0, end)) as Readonly<Record<string, Json>>);
  } finally {
    closeSync(handle);
  }
}

/** A type of the server's for a value of a row. */
function typeOf(value: Json | undefined): Readonly<Record<string, unknown>> {
  if (Array.isArray(value)) return { type: 'array', items: typeOf(value[0] as Json) };
  if (typeof value === 'boolean') return { type: 'boolean' };
  if (typeof value === 'number') return { type: Number.isInteger(value) ? 'long' : 'double' };
  if (typeof value === 'string') return { type: 'string' };
  return { type: 'any' };
}
