/**
 * Results from a server back into the store, by the rules of any shared cache: the record must be signed by a trusted
 * key and its preimage hash to its key, and every blob must have the digest that the record names.
 */
import { err, ok, type Result } from '../../../schemas/result.js';
import { toKey, type Store, type StoredRecord } from '../../store/index.js';
import { pull } from '../../store/remote/transfer.js';
import { listingLimit, recordLimit, type Remote, type RemoteProblem } from '../../store/remote/types.js';
import { parseListing } from '../../store/trees.js';
import { artifactText, type ArtifactFolder } from '../mlflow/artifacts.js';
import { problem, quoted, type MlflowClient, type MlflowProblem, type Run } from '../mlflow/index.js';
import { places, rootPlace } from './places.js';

export interface Restored {
  readonly run: Run;
  readonly outcome:
    | { readonly kind: 'restored'; readonly record: StoredRecord }
    /** It has no result, or not all of it is there. */
    | { readonly kind: 'nothing' }
    | { readonly kind: 'refused'; readonly problem: RemoteProblem };
}

/** The results of a cell's run, or of all cells of a run. */
export async function restoreRun(
  store: Store,
  client: MlflowClient,
  { run, trusted }: { readonly run: Run; readonly trusted: readonly string[] },
): Promise<Result<readonly Restored[], MlflowProblem>> {
  const cells = await cellsOf(client, run);
  if (!cells.ok) return cells;
  const restored: Restored[] = [];
  for (const cell of cells.value) {
    const outcome = await restoreCell(store, client, { run: cell, trusted });
    if (!outcome.ok) return outcome;
    restored.push({ run: cell, outcome: outcome.value });
  }
  return ok(restored);
}

async function cellsOf(client: MlflowClient, run: Run): Promise<Result<readonly Run[], MlflowProblem>> {
  if (run.tags['moft.role'] !== 'run') return ok([run]);
  const filter = `tags.\`mlflow.parentRunId\` = ${quoted(run.id)}`;
  return client.runs({ experiments: [run.experiment], filter });
}

async function restoreCell(
  store: Store,
  client: MlflowClient,
  { run, trusted }: { readonly run: Run; readonly trusted: readonly string[] },
): Promise<Result<Restored['outcome'], MlflowProblem>> {
  const key = toKey(run.tags['moft.key']);
  if (!key || run.tags['moft.record'] === undefined) return ok({ kind: 'nothing' });
  const folder = client.artifacts(run.artifactUri);
  if (!folder.ok) return folder;
  const pulled = await pull(store, artifactRemote(client.address, folder.value), { key, trusted });
  if (pulled.ok) return ok(pulled.value ? { kind: 'restored', record: pulled.value } : { kind: 'nothing' });
  const { code, message } = pulled.error;
  if (code === 'incomplete') return ok({ kind: 'nothing' });
  return code === 'timeout' || code === 'unreachable'
    ? err(problem('unreachable', message))
    : ok({ kind: 'refused', problem: pulled.error });
}

const asRemote = ({ kind, message, hint }: MlflowProblem): RemoteProblem => ({
  code:
    kind === 'timeout' ? 'timeout' : kind === 'unreachable' || kind === 'busy' ? 'unreachable' : 'refused',
  message,
  ...(hint === undefined ? {} : { hint }),
});

const readOnly: Result<never, RemoteProblem> = err({
  code: 'refused',
  message: 'results are sent to a server by the tracker alone',
});

/** The artifacts of one run as a shared cache with one result. */
function artifactRemote(address: string, folder: ArtifactFolder): Remote {
  /** Place of each blob; those of files are known once the listing that names them was read. */
  const known = new Map<string, { readonly place: string; readonly output?: string }>();
  return {
    name: address,
    record: async () => {
      const text = await artifactText(folder, places.signed, recordLimit);
      if (!text.ok) return err(asRemote(text.error));
      if (text.value === undefined) return unsigned(folder);
      noteRoots(text.value, known);
      return ok(Buffer.from(text.value));
    },
    blob: async (digest) => {
      const at = known.get(digest);
      if (!at) return ok(undefined);
      if (at.output !== undefined) return listing(folder, at.place, at.output, known);
      const body = await folder.get(at.place);
      return body.ok ? body : err(asRemote(body.error));
    },
    has: () => Promise.resolve(readOnly),
    putBlob: () => Promise.resolve(readOnly),
    putRecord: () => Promise.resolve(readOnly),
  };
}

async function unsigned(folder: ArtifactFolder): Promise<Result<undefined, RemoteProblem>> {
  const plain = await artifactText(folder, places.record, recordLimit);
  if (!plain.ok) return err(asRemote(plain.error));
  if (plain.value === undefined) return ok(undefined);
  return err({
    code: 'not-trusted',
    message: 'the result was sent without a signature',
    hint: 'where it was made: `moft push --make-key`, then `moft sync --again RUN`; here, the key under `trust:`',
  });
}

/** What the envelope says of the places is a hint only: every blob is checked by its digest. */
function noteRoots(envelope: string, known: Map<string, { place: string; output?: string }>): void {
  try {
    const { record } = JSON.parse(envelope) as { record: string };
    const { artifacts } = JSON.parse(record) as StoredRecord['record'];
    for (const artifact of artifacts) {
      const place = rootPlace(artifact);
      known.set(artifact.digest, artifact.type === 'file' ? { place } : { place, output: artifact.name });
    }
  } catch {
    // not what a sender writes: it is refused as a record
  }
}

async function listing(
  folder: ArtifactFolder,
  place: string,
  output: string,
  known: Map<string, { place: string; output?: string }>,
): Promise<Result<AsyncIterable<Uint8Array> | undefined, RemoteProblem>> {
  const text = await artifactText(folder, place, listingLimit);
  if (!text.ok) return err(asRemote(text.error));
  if (text.value === undefined) return ok(undefined);
  try {
    for (const entry of parseListing(text.value).entries)
      if (entry.type === 'file')
        known.set(entry.digest, { place: places.file(output, entry.path, entry.digest) });
  } catch {
    // spoiled: its digest will say so
  }
  return ok(once(Buffer.from(text.value)));
}

async function* once(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}
