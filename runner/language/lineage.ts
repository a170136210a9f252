/** Lineage: what lets a check tell two artifacts apart before either exists. */
import { canonicalJson, sha256, type Json, type JsonObject } from '../../schemas/json.js';
import type { OutputPort, StageKind } from '../contract.js';
import type { Coordinates } from './cell-id.js';
import type { PortItem } from './outputs.js';

interface Origin {
  readonly kind: StageKind;
  readonly stage: string;
  readonly coordinates: Coordinates;
  /** Defaults filled in; absent where some are wrong. */
  readonly values?: JsonObject;
  readonly seed?: number;
  readonly items: ReadonlyMap<string, readonly PortItem[]>;
}

/**
 * The outputs of a cell, each with its lineage. Names of stages and cells are not in the digest: two stages that make
 * the same thing have one lineage. Inputs that can't be told apart (files, datasets) are left out of it, so that
 * a difference that may be none is never taken for one.
 */
export function withLineage(
  outputs: Readonly<Record<string, OutputPort>>,
  origin: Origin,
): Readonly<Record<string, OutputPort>> {
  const { stage, coordinates } = origin;
  const named = Object.entries(outputs).map(([output, port]) => {
    const { values } = origin;
    const digest =
      port.distinct === true && values ? { digest: digestOf(output, { ...origin, values }) } : {};
    const lineage = { stage, coordinates, output, ...digest };
    return [output, { ...port, traits: { ...port.traits, lineage } }] as const;
  });
  return Object.fromEntries(named);
}

function digestOf(
  output: string,
  { kind, values, seed, items }: Origin & { readonly values: JsonObject },
): string {
  const settings = Object.entries(values).filter(([name]) => kind.inert?.includes(name) !== true);
  const inputs = [...items]
    .map(([port, read]) => [port, read.map(lineageDigest)] as const)
    .filter(([, digests]) => digests.some((digest) => digest !== null));
  const made = {
    kind: kind.name,
    version: kind.version,
    with: Object.fromEntries(settings),
    seed: seed ?? null,
    inputs: Object.fromEntries(inputs),
    output,
  };
  return sha256(canonicalJson(made as Json));
}

const lineageDigest = ({ cell, output }: PortItem): string | null =>
  cell.outputs?.[output]?.traits?.lineage?.digest ?? null;
