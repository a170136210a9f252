/** A run in the shape in which a file is planned: its records, with who made what they read. */
import type { CellId, InputBinding } from '../pipeline.js';
import type { RunManifest, Store, StoredRecord } from '../store/index.js';
import type { DiffCell, DiffSide } from './diff.js';
import type { GatheredDigest, InputDigest, Preimage } from './types.js';

/** A run knows no graph; who made an input is told by its digest. */
export function runSide(run: Pick<RunManifest, 'cells'>, { read }: Pick<Store['records'], 'read'>): DiffSide {
  const records = new Map<CellId, StoredRecord>();
  for (const [id, bound] of Object.entries(run.cells)) {
    const record = read(bound.key, bound.record);
    if (record) records.set(id as CellId, record);
  }
  const makers = makersByDigest(records);
  const side = [...records].map(([id, record]): readonly [CellId, DiffCell] => {
    const preimage = record.record.preimage as unknown as Preimage;
    return [id, { id, preimage, record, cell: { inputs: bindingsOf(preimage, makers), origins: {} } }];
  });
  return new Map(side);
}

type Makers = ReadonlyMap<string, { readonly cell: CellId; readonly output: string }>;

function makersByDigest(records: ReadonlyMap<CellId, StoredRecord>): Makers {
  const makers = new Map<string, { cell: CellId; output: string }>();
  for (const [cell, { record }] of records) {
    for (const { name, digest } of record.artifacts)
      if (!makers.has(digest)) makers.set(digest, { cell, output: name });
  }
  return makers;
}

function bindingsOf(preimage: Preimage, makers: Makers): Readonly<Record<string, InputBinding>> {
  const bound = Object.entries(preimage.inputs).flatMap(([name, input]) => {
    const binding = bindingOf(input, makers);
    return binding ? [[name, binding] as const] : [];
  });
  return Object.fromEntries(bound);
}

/** Undefined where no cell made it: it came from outside. */
function bindingOf(input: InputDigest | readonly GatheredDigest[], makers: Makers): InputBinding | undefined {
  if ('digest' in input) {
    const maker = makers.get(input.digest);
    return maker && { kind: 'artifact', type: input.type, ...maker };
  }
  const [first] = input;
  const items = input.flatMap(({ stage, coordinates, digest }) => {
    const maker = makers.get(digest);
    return maker ? [{ stage, coordinates, ...maker }] : [];
  });
  return first && items.length === input.length ? { kind: 'gathered', type: first.type, items } : undefined;
}
