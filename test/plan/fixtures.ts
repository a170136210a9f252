import { Type } from 'typebox';
import { canonicalJson, sha256, type Json, type JsonObject } from '../../schemas/json.js';
import { ok } from '../../schemas/result.js';
import { defineKind, type KindRegistry, type StageKind } from '../../runner/contract.js';
import type { Cell, CellId, InputBinding, Pipeline, Place } from '../../runner/pipeline.js';
import {
  planPipeline,
  type Code,
  type CodeListing,
  type Plan,
  type PlannedCell,
  type PlanOptions,
} from '../../runner/plan/index.js';
import type { Store, StoredRecord } from '../../runner/store/index.js';
import { cellId, valueOf } from '../store/fixtures.js';

export const place = (line: number): Place => ({
  file: '/p/p.yaml',
  line,
  column: 1,
  endLine: line,
  endColumn: 2,
});

/** A kind that is only planned here, never run. */
export const kind = (name: string, more: Partial<StageKind> = {}): StageKind =>
  defineKind({
    name,
    version: 1,
    description: 'For tests.',
    with: Type.Object({}),
    inputs: {},
    outputs: () => ({}),
    randomness: 'none',
    engine: false,
    run: () => Promise.resolve(),
    ...more,
  });

export const registryOf = (...kinds: StageKind[]): KindRegistry =>
  new Map(kinds.map((item) => [item.name, item]));

export const registry = registryOf(
  kind('make'),
  kind('train', { randomness: 'training', inert: ['log_every'] }),
  kind('gather'),
);

/** Code of one module a kind; `edits` gives a kind another text. */
export function codeOf(edits: Readonly<Record<string, string>> = {}): Code {
  return {
    of: ({ name }) => {
      const listing: CodeListing = {
        modules: {
          [`stages/kinds/${name}.js`]: sha256(edits[name] ?? name),
          'schemas/json.js': sha256('json'),
        },
        packages: { 'yaml@2.0.0': 'sha512-x' },
      };
      return ok({ digest: sha256(canonicalJson(listing as unknown as Json)), listing });
    },
    changed: () => [],
  };
}

export function cell(id: string, more: Partial<Omit<Cell, 'id' | 'needs'>> = {}): Cell {
  const [stage = id, text = ''] = id.split('/');
  const coordinates: Record<string, string> = {};
  for (const pair of text === '' ? [] : text.split(',')) {
    const [axis = '', value = ''] = pair.split('=');
    coordinates[axis] = value;
  }
  const base: Omit<Cell, 'needs'> = {
    id: cellId(id),
    stage,
    coordinates,
    kind: 'make',
    with: {},
    inputs: {},
    outputs: { out: 'file' },
    env: [],
    secrets: [],
    resources: {},
    retries: {},
    place: place(1),
    origins: {},
    ...more,
  };
  return { ...base, needs: parents(base.inputs) };
}

const parents = (inputs: Cell['inputs']): CellId[] =>
  [
    ...new Set(
      Object.values(inputs).flatMap((binding) =>
        binding.kind === 'artifact'
          ? [binding.cell]
          : binding.kind === 'gathered'
            ? binding.items.map((i) => i.cell)
            : [],
      ),
    ),
  ].sort();

export const from = (id: string): InputBinding => ({
  kind: 'artifact',
  type: 'file',
  cell: cellId(id),
  output: 'out',
});

/** Gathers cells, with the coordinates that are named. */
export const gathered = (...items: readonly (readonly [string, Record<string, string>])[]): InputBinding => ({
  kind: 'gathered',
  type: 'file',
  items: items.map(([id, coordinates]) => ({
    stage: id.split('/')[0] ?? id,
    coordinates,
    cell: cellId(id),
    output: 'out',
  })),
});

export const pipelineOf = (cells: readonly Cell[], more: Partial<Pipeline> = {}): Pipeline => ({
  name: 'p',
  experiment: 'p',
  file: '/p/p.yaml',
  params: {},
  cells,
  stages: [...new Set(cells.map(({ stage }) => stage))],
  onFailure: 'finish-running',
  variants: [],
  reproducible: 'relaxed',
  remarks: [],
  warnings: [],
  ...more,
});

export async function planOf(
  store: Store,
  cells: readonly Cell[],
  more: Partial<Omit<PlanOptions, 'store'>> = {},
): Promise<Plan> {
  const options = { pipeline: pipelineOf(cells), code: codeOf(), registry, env: {}, ...more };
  return valueOf(await planPipeline({ ...options, store }));
}

export function planned(plan: Plan, id: string): PlannedCell {
  const found = plan.cells.find((item) => item.cell.id === id);
  if (!found) throw new Error(`the plan has no ${id}`);
  return found;
}

export const statuses = (plan: Plan): Record<string, string> =>
  Object.fromEntries(plan.cells.map(({ cell: { id }, status }) => [id, status]));

/** Content of a cell's output, as its stage would compute it: of everything that the preimage holds. */
export type Compute = (preimage: JsonObject) => string;
const everything: Compute = (preimage) => canonicalJson(preimage);

/** What an execution of a test computes, and where. */
export interface Computing {
  readonly compute?: Compute;
  readonly environmentOf?: (cell: CellId) => JsonObject;
}

async function record(
  store: Store,
  item: PlannedCell,
  run: string,
  { compute = everything, environmentOf = () => ({ backend: 'wasm' }) }: Computing,
): Promise<StoredRecord> {
  if (!item.key || !item.preimage) throw new Error(`${item.cell.id} has no key yet`);
  const preimage = item.preimage as unknown as JsonObject;
  const put = valueOf(store.cas.putBytes(compute(preimage)));
  return valueOf(
    await store.records.publish({
      v: 1,
      key: item.key,
      preimage,
      kind: item.cell.kind,
      artifacts: Object.entries(item.cell.outputs).map(([name, type]) => ({ name, type, ...put })),
      seconds: 1,
      finished: '2026-01-01T00:00:00.000Z',
      run,
      environment: environmentOf(item.cell.id),
    }),
  );
}

/** Executes a plan as a runner would, and freezes it in a run manifest. Returns the ids that were executed. */
export async function execute(
  store: Store,
  plan: Plan,
  run: string,
  computing: Computing = {},
): Promise<string[]> {
  const records = new Map<CellId, StoredRecord>();
  const executed: string[] = [];
  for (const item of plan.cells) {
    const known = item.status === 'hit' ? item : valueOf(await plan.resolve(item.cell.id, records));
    if (!known.record) executed.push(known.cell.id);
    records.set(item.cell.id, known.record ?? (await record(store, known, run, computing)));
  }
  const bound = [...records].map(
    ([id, { key, digest }]) => [id, { key, record: digest, how: 'ran' as const }] as const,
  );
  const { name, file } = plan.pipeline;
  const manifest = { v: 1, run, pipeline: name, file, started: '', status: 'done' } as const;
  valueOf(store.runs.write({ ...manifest, cells: Object.fromEntries(bound) }));
  return executed;
}
