/** What decides how long cells take: those of one pace differ in the amount of their work alone. */
import { canonicalJson, sha256, type Json, type JsonObject } from '../../schemas/json.js';
import type { KindRegistry, StageKind } from '../contract.js';
import type { Cell, CellId, InputBinding } from '../pipeline.js';
import type { InputDigests } from '../plan/index.js';

/** A cell as it is planned, or as a run left it. */
export interface Paced {
  readonly kind: string;
  readonly with: JsonObject;
  /** Who makes its inputs. */
  readonly bindings: Cell['inputs'];
  /** What it reads from elsewhere, by its content. */
  readonly digests: InputDigests;
}

export interface Pace {
  /** Equal where nothing but the amount decides which of two cells takes longer. */
  readonly name: string;
  /** The same, whatever the content of the files that are read from outside; only of models it counts. */
  readonly apart: string;
  readonly amount: number;
  /** The settings whose product the amount is. */
  readonly factors: Readonly<Record<string, number>>;
}

/** The paces of cells that read each other; each is found once. */
export function paces(
  cell: (id: CellId) => Paced | undefined,
  registry: KindRegistry,
): (id: CellId) => Pace | undefined {
  const known = new Map<CellId, Pace | undefined>();
  const of = (id: CellId): Pace | undefined => {
    if (known.has(id)) return known.get(id);
    // Who made what is told by content: a cell that hands on what it read would be found to read itself.
    known.set(id, undefined);
    const found = cell(id);
    const pace = found && paceOf(found, registry.get(found.kind), of);
    known.set(id, pace);
    return pace;
  };
  return of;
}

function paceOf(
  { kind: name, with: values, bindings, digests }: Paced,
  kind: StageKind | undefined,
  of: (id: CellId) => Pace | undefined,
): Pace | undefined {
  if (kind === undefined) return undefined;
  const extent = kind.extent?.({ ...values });
  const { proportional = extent === undefined ? [] : [extent], timeless = [] } = kind.pace ?? {};
  const factors = Object.fromEntries(
    proportional.flatMap((key) => {
      const value = values[key];
      return typeof value === 'number' && value > 0 ? [[key, value] as const] : [];
    }),
  );
  const left = new Set([...Object.keys(factors), ...timeless, ...(kind.inert ?? [])]);
  const settings = Object.fromEntries(Object.entries(values).filter(([key]) => !left.has(key)));
  const named = (which: 'name' | 'apart'): string => {
    const inputs = Object.fromEntries(
      Object.keys(digests).map((port) => [port, inputPace(port, { bindings, digests, which, of })]),
    );
    return sha256(canonicalJson({ kind: name, with: settings, inputs } as Json));
  };
  return {
    name: named('name'),
    apart: named('apart'),
    amount: Object.values(factors).reduce((product, factor) => product * factor, 1),
    factors,
  };
}

interface Reading extends Pick<Paced, 'bindings' | 'digests'> {
  readonly which: 'name' | 'apart';
  readonly of: (id: CellId) => Pace | undefined;
}

function inputPace(port: string, { bindings, digests, which, of }: Reading): Json {
  const binding: InputBinding | undefined = bindings[port];
  if (binding?.kind === 'artifact') return of(binding.cell)?.[which] ?? null;
  if (binding?.kind === 'gathered') return binding.items.map(({ cell }) => of(cell)?.[which] ?? null);
  const digest = digests[port];
  if (digest === undefined || !('digest' in digest)) return null;
  return which === 'name' || digest.type === 'model' ? digest.digest : null;
}
