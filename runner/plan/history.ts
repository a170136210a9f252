/** What earlier runs left: the last result of a cell, and results that a cell with unknown inputs may yet meet. */
import { canonicalJson, sha256, type Json, type JsonObject } from '../../schemas/json.js';
import type { CellId, Key, Pipeline } from '../pipeline.js';
import type { RunManifest, Store, StoredRecord } from '../store/index.js';
import { unknownDigest } from './inputs.js';
import type { GatheredDigest, InputDigest, InputDigests, Mention, Preimage } from './types.js';

export interface Past {
  readonly run: RunManifest;
  readonly record: StoredRecord;
}

export interface History {
  /** The newest run of this pipeline that had a result of the cell which is still there. */
  last(cell: CellId): Past | undefined;
  /** Every run of this pipeline that knew the cell, newest first. */
  mentions(cell: CellId): Iterable<Mention>;
  /** The newest run of this pipeline in which the cell had the result of this key. */
  bound(cell: CellId, key: Key): RunManifest | undefined;
  /** Whether a result exists whose preimage equals this one but for inputs that aren't known yet. */
  mayHit(partial: Preimage): boolean;
}

export const preimageIn = (stored: StoredRecord): Preimage => stored.record.preimage as unknown as Preimage;

const samePipeline = (run: RunManifest, pipeline: Pipeline): boolean =>
  run.file === pipeline.file || run.pipeline === pipeline.name;

/** Runs of a pipeline, newest first, each read at most once; those of others are not kept in memory. */
function createRunReader(store: Store, pipeline: Pipeline): () => Generator<RunManifest> {
  const cache = new Map<string, RunManifest | undefined>();
  let ids: readonly string[] | undefined;
  return function* () {
    ids ??= store.runs.list();
    for (const id of ids) {
      if (!cache.has(id)) {
        const read = store.runs.read(id);
        cache.set(id, read && samePipeline(read, pipeline) ? read : undefined);
      }
      const run = cache.get(id);
      if (run) yield run;
    }
  };
}

type Input = InputDigest | readonly GatheredDigest[];

const masked = (input: Input): Json =>
  'digest' in input
    ? { ...input, digest: unknownDigest }
    : input.map((i) => ({ ...i, digest: unknownDigest }));

/** Equal for two preimages that differ in the content of inputs only. */
function shapeOf(preimage: Preimage): string {
  const inputs = Object.entries(preimage.inputs).map(([name, input]) => [name, masked(input)]);
  return sha256(canonicalJson({ ...preimage, inputs: Object.fromEntries(inputs) as JsonObject }));
}

const contents = (inputs: InputDigests): string[] =>
  Object.keys(inputs)
    .sort()
    .flatMap((name) => {
      const input = inputs[name];
      if (input === undefined) return [];
      return 'digest' in input ? [input.digest] : input.map((item) => item.digest);
    });

/** Shapes are equal, so contents stand in the same order. */
const agrees = (known: readonly string[], found: readonly string[]): boolean =>
  known.every((digest, i) => digest === unknownDigest || digest === found[i]);

function readContents(store: Store): ReadonlyMap<string, readonly (readonly string[])[]> {
  const byShape = new Map<string, string[][]>();
  for (const key of store.records.keys()) {
    const preimages = store.records.all(key).slice(0, 1).map(preimageIn);
    for (const preimage of preimages) {
      const shape = shapeOf(preimage);
      const known = byShape.get(shape) ?? [];
      known.push(contents(preimage.inputs));
      byShape.set(shape, known);
    }
  }
  return byShape;
}

/** Everything is read when it is first asked for: a plan of hits asks nothing. */
export function createHistory(pipeline: Pipeline, store: Store): History {
  const runs = createRunReader(store, pipeline);
  let byShape: ReadonlyMap<string, readonly (readonly string[])[]> | undefined;
  function* mentions(cell: CellId): Generator<Mention> {
    for (const run of runs()) {
      const [bound, tried] = [run.cells[cell], run.tries?.[cell]];
      if (bound ?? tried) yield { run, ...(bound ? { bound } : {}), ...(tried ? { try: tried } : {}) };
    }
  }
  return {
    mentions,
    last: (cell) => {
      for (const { run, bound } of mentions(cell)) {
        const record = bound && store.records.read(bound.key, bound.record);
        if (record) return { run, record };
      }
      return undefined;
    },
    bound: (cell, key) => {
      for (const { run, bound } of mentions(cell)) if (bound?.key === key) return run;
      return undefined;
    },
    mayHit: (partial) => {
      byShape ??= readContents(store);
      const known = contents(partial.inputs);
      return (byShape.get(shapeOf(partial)) ?? []).some((found) => agrees(known, found));
    },
  };
}
