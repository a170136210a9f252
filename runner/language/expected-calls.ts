import type { JsonObject } from '../../schemas/json.js';
import type { ExpectedCalls, InputTraits, StageKind, Traits } from '../contract.js';
import type { CellId, InputBinding } from '../pipeline.js';
import { plain } from './outputs.js';

/** Traits of an output of a cell, empty where nothing is known. */
export type TraitsOf = (cell: CellId, output: string) => Traits;

/** What a kind that calls judges expects of a cell; nothing for all others. */
export function expectedCalls(
  kind: StageKind,
  values: JsonObject,
  inputs: Readonly<Record<string, InputBinding>>,
  traitsOf: TraitsOf,
): { readonly calls?: ExpectedCalls } {
  if (kind.calls === undefined) return {};
  const known: InputTraits = Object.fromEntries(
    Object.entries(inputs).map(([name, binding]) => [name, traitsAt(binding, traitsOf)]),
  );
  return { calls: kind.calls(plain(values), known) };
}

function traitsAt(binding: InputBinding, traitsOf: TraitsOf): Traits | readonly Traits[] {
  switch (binding.kind) {
    case 'artifact':
      return traitsOf(binding.cell, binding.output);
    case 'gathered':
      return binding.items.map(({ cell, output }) => traitsOf(cell, output));
    case 'path':
      return {};
  }
}
