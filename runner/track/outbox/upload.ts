/** Puts the results of a cell among the artifacts of its run, so that they can be looked at, and fetched back. */
import type { KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import { canonicalJson } from '../../../schemas/json.js';
import type { RecordedArtifact, ResultRecord } from '../../../schemas/protocol.js';
import { ok, type Result } from '../../../schemas/result.js';
import { seal } from '../../store/remote/envelope.js';
import { parseListing } from '../../store/trees.js';
import type { Store } from '../../store/index.js';
import { fileUpload, textUpload, type ArtifactFolder } from '../mlflow/artifacts.js';
import type { MlflowProblem } from '../mlflow/problem.js';
import type { Upload } from '../mlflow/transport.js';
import { places, rootPlace } from './places.js';

/** A larger artifact stays where it is, and the run says so. */
const mostBytes = 1 << 30;

interface Item {
  readonly place: string;
  readonly upload: () => Upload;
}

/**
 * Uploads every artifact and then the record. Done twice it is done once.
 *
 * @returns what was left out, in words
 */
export async function uploadResult(
  store: Store,
  folder: ArtifactFolder,
  { record, signing }: { readonly record: ResultRecord; readonly signing?: KeyObject | undefined },
): Promise<Result<readonly string[], MlflowProblem>> {
  const leftOut: string[] = [];
  for (const artifact of record.artifacts) {
    const items = artifact.bytes > mostBytes ? undefined : itemsOf(store, artifact);
    if (!items) leftOut.push(`${artifact.name} (${artifact.bytes} bytes)`);
    for (const { place, upload } of items ?? []) {
      const put = await folder.put(place, upload());
      if (!put.ok) return put;
    }
  }
  const put = await folder.put(places.record, textUpload(canonicalJson(record)));
  if (!put.ok || !signing) return put.ok ? ok(leftOut) : put;
  const sealed = seal(record, signing);
  const signed = await folder.put(places.signed, { bytes: sealed.length, open: () => sealed });
  return signed.ok ? ok(leftOut) : signed;
}

/** Undefined where the store has lost it. */
function itemsOf(store: Store, artifact: RecordedArtifact): readonly Item[] | undefined {
  const found = store.cas.artifactRef(artifact.type, artifact.digest);
  if (!found.ok) return undefined;
  const { path, files = {} } = found.value;
  if (![path, ...Object.values(files)].every((file) => existsSync(file))) return undefined;
  const root: Item = { place: rootPlace(artifact), upload: () => fileUpload(path) };
  if (artifact.type === 'file') return [root];
  const listing = store.cas.read(artifact.digest);
  if (!listing.ok) return undefined;
  const { entries } = parseListing(listing.value.toString('utf8'));
  const inside = entries.flatMap((entry): Item[] => {
    const file = files[entry.path];
    if (entry.type !== 'file' || file === undefined) return [];
    return [{ place: places.file(artifact.name, entry.path, entry.digest), upload: () => fileUpload(file) }];
  });
  return [...inside, root];
}
