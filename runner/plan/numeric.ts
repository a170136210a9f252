/** The numeric environment: what decides the last bit of a result, of all that a worker tells of itself. */
import type { Json, JsonObject } from '../../schemas/json.js';
import type { Cell, CellId } from '../pipeline.js';
import type { StoredRecord } from '../store/index.js';
import { cellsOfInput } from './inputs.js';

const fields = ['arch', 'backend', 'device', 'engine', 'node', 'threads'] as const;
type Field = (typeof fields)[number];

/** Of Node the major version. */
function valueOf(environment: JsonObject, field: Field): Json | undefined {
  const value = environment[field];
  return field === 'node' && typeof value === 'string' ? (value.split('.')[0] ?? value) : value;
}

export function numericEnvironment(environment: JsonObject): JsonObject {
  return Object.fromEntries(
    fields.flatMap((field) => {
      const value = valueOf(environment, field);
      return value === undefined ? [] : [[field, value]];
    }),
  );
}

/** Fields that both have, and not alike. A kind without an engine says nothing of one. */
const differing = (one: JsonObject, other: JsonObject): readonly Field[] =>
  fields.filter((field) => {
    const [a, b] = [valueOf(one, field), valueOf(other, field)];
    return a !== undefined && b !== undefined && a !== b;
  });

const shown = (environment: JsonObject, field: Field): string =>
  `${field} ${JSON.stringify(valueOf(environment, field))}`;

/** A hit from another numeric environment stays a hit, and is said. */
export function foreignNote({ record }: StoredRecord, here: JsonObject): string | undefined {
  const parts = differing(record.environment, here).map(
    (field) => `${shown(record.environment, field)}, here ${JSON.stringify(valueOf(here, field))}`,
  );
  return parts.length === 0 ? undefined : `computed elsewhere: ${parts.join('; ')}`;
}

/** Of a cell that gathers results, where these are of more than one numeric environment: two that differ, and in what. */
export function mixedNote(cell: Cell, records: ReadonlyMap<CellId, StoredRecord>): string | undefined {
  for (const [name, { kind }] of Object.entries(cell.inputs)) {
    if (kind !== 'gathered') continue;
    const [first, ...rest] = cellsOfInput(cell, name).filter((id) => records.has(id));
    const environmentOf = (id: CellId | undefined): JsonObject =>
      (id !== undefined && records.get(id)?.record.environment) || {};
    for (const other of rest) {
      const [field] = differing(environmentOf(first), environmentOf(other));
      if (field === undefined || first === undefined) continue;
      const parts = [first, other].map((id) => `${shown(environmentOf(id), field)} (${id})`);
      return `it gathers results of different numeric environments: ${parts.join(' and ')}; \`reproducible: strict\` computes all in one`;
    }
  }
  return undefined;
}
