/** Inputs of a cell by content, as far as its parents' records are known. */
import path from 'node:path';
import type { Cell, CellId, InputBinding, Pipeline } from '../pipeline.js';
import type { StoredRecord } from '../store/index.js';
import { snapshotOf, type Snapshot } from './snapshot.js';
import type { GatheredDigest, InputDigest, InputDigests } from './types.js';

/** Digest that stands for content that isn't known yet. */
export const unknownDigest = '';

export interface KnownInputs {
  /** `unknownDigest` where the parent has no record yet. */
  readonly inputs: InputDigests;
  /** Parents without a record, each once, in order of the inputs. */
  readonly unknown: readonly CellId[];
}

export interface InputSources {
  readonly pipeline: Pipeline;
  readonly snapshot: Snapshot;
  readonly records: ReadonlyMap<CellId, StoredRecord>;
}

function outputDigest(sources: InputSources, cell: CellId, output: string): string {
  const record = sources.records.get(cell);
  if (!record) return unknownDigest;
  const artifact = record.record.artifacts.find(({ name }) => name === output);
  if (!artifact) {
    throw new Error(`internal error: the record of ${cell} has no output ${output}; please report it`);
  }
  return artifact.digest;
}

function digestsOf(sources: InputSources, binding: InputBinding): InputDigest | readonly GatheredDigest[] {
  const { type } = binding;
  switch (binding.kind) {
    case 'artifact':
      return { type, digest: outputDigest(sources, binding.cell, binding.output) };
    case 'gathered':
      return binding.items.map(({ stage, coordinates, cell, output, ...item }) => ({
        stage,
        coordinates,
        type: item.type ?? type,
        digest: outputDigest(sources, cell, output),
      }));
    case 'path': {
      const put = snapshotOf(sources.snapshot, binding, sources.pipeline);
      if (!put) throw new Error(`internal error: ${binding.path} was not read; please report it`);
      const seen = binding.at !== undefined || binding.inPlace === true;
      return {
        type,
        digest: put.digest,
        ...(binding.at === undefined ? {} : { at: binding.at }),
        ...(binding.inPlace ? { name: path.basename(binding.path) } : {}),
        ...(seen && put.executable ? { executable: true } : {}),
      };
    }
  }
}

export function knownInputs(cell: Cell, parents: readonly CellId[], sources: InputSources): KnownInputs {
  return {
    inputs: Object.fromEntries(
      Object.entries(cell.inputs).map(([name, binding]) => [name, digestsOf(sources, binding)]),
    ),
    unknown: parents.filter((id) => !sources.records.has(id)),
  };
}

/** The cells that an input comes from. */
export function cellsOfInput(cell: Pick<Cell, 'inputs'>, name: string): readonly CellId[] {
  const binding = cell.inputs[name];
  if (binding?.kind === 'artifact') return [binding.cell];
  return binding?.kind === 'gathered' ? binding.items.map((item) => item.cell) : [];
}
