/**
 * Where the results of a cell lie among the artifacts of its run: a file as `outputs/<name>`, a folder as its files
 * below `outputs/<name>/`, with its listing, which is what its digest is of, beside them. A file whose name a server
 * would spoil lies under its digest.
 */
import type { RecordedArtifact } from '../../../schemas/protocol.js';
import { isArtifactName } from '../mlflow/artifacts.js';

export const places = {
  record: 'moft/record.json',
  /** With the signature of whoever sent it: what `moft restore` takes. */
  signed: 'moft/record.signed.json',
  originals: 'moft/originals.json',
  listing: (output: string): string => `moft/listings/${output}.json`,
  output: (output: string): string => `outputs/${output}`,
  file: (output: string, file: string, digest: string): string => {
    const name = `outputs/${output}/${file}`;
    return isArtifactName(name) ? name : `moft/blobs/${digest}`;
  },
} as const;

/** Where the blob that an artifact's digest names lies. */
export const rootPlace = ({ name, type }: Pick<RecordedArtifact, 'name' | 'type'>): string =>
  type === 'file' ? places.output(name) : places.listing(name);
