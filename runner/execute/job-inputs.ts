/** The inputs of a cell as its worker gets them: made from the digests of the preimage and, in place, the paths of the file. */
import type { ArtifactRef, Failure, Job } from '../../schemas/protocol.js';
import { ok, type Result } from '../../schemas/result.js';
import type { Cell } from '../pipeline.js';
import type { GatheredDigest, InputDigest, Preimage } from '../plan/index.js';
import type { Cas } from '../store/index.js';

interface Reader {
  readonly cell: Pick<Cell, 'inputs'>;
  readonly preimage: Pick<Preimage, 'inputs'>;
}

type GatheredArtifacts = Extract<Job['inputs'][string], unknown[]>;

export function jobInputs({ cell, preimage }: Reader, cas: Cas): Result<Job['inputs'], Failure> {
  const inputs: Job['inputs'] = {};
  for (const [name, input] of Object.entries(preimage.inputs)) {
    const found = isGathered(input)
      ? gathered(input, cas)
      : (inPlace(cell, name, input) ?? artifact(input, cas));
    if (!found.ok) return found;
    inputs[name] = found.value;
  }
  return ok(inputs);
}

/** The inputs that lie in the store: all but those that are read in place. */
export function storedInputs({ cell, preimage }: Reader): readonly InputDigest[] {
  return Object.entries(preimage.inputs).flatMap(([name, input]): readonly InputDigest[] => {
    if (placeOf(cell, name) !== undefined) return [];
    return isGathered(input) ? input : [input];
  });
}

/** Where an input is read in place; undefined of what lies in the store. */
function placeOf({ inputs }: Reader['cell'], name: string): string | undefined {
  const binding = inputs[name];
  return binding?.kind === 'path' && binding.inPlace ? binding.path : undefined;
}

function inPlace(
  cell: Reader['cell'],
  name: string,
  { type, digest }: InputDigest,
): Result<ArtifactRef, Failure> | undefined {
  const path = placeOf(cell, name);
  return path === undefined ? undefined : ok({ type, digest, path, inPlace: true });
}

function artifact({ type, digest, at, executable }: InputDigest, cas: Cas): Result<ArtifactRef, Failure> {
  const found = cas.artifactRef(type, digest);
  if (!found.ok || at === undefined) return found;
  return ok({ ...found.value, at, ...(executable ? { executable } : {}) });
}

function gathered(items: readonly GatheredDigest[], cas: Cas): Result<GatheredArtifacts, Failure> {
  const list: GatheredArtifacts = [];
  for (const item of items) {
    const found = artifact(item, cas);
    if (!found.ok) return found;
    list.push({ stage: item.stage, coordinates: { ...item.coordinates }, artifact: found.value });
  }
  return ok(list);
}

function isGathered(input: InputDigest | readonly GatheredDigest[]): input is readonly GatheredDigest[] {
  return Array.isArray(input);
}
