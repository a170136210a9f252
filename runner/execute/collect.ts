/** The outputs of an attempt into the store: in the shapes of their types, and with the bytes that their worker saw. */
import { basename } from 'node:path';
import type { ArtifactType } from '../../schemas/artifact.js';
import type { Exit, Failure, RecordedArtifact } from '../../schemas/protocol.js';
import { err, ok, type Result } from '../../schemas/result.js';
import type { Attempt, Store } from '../store/index.js';
import { checkOutput, checkRows, rowsFile } from './outputs.js';

export interface Collecting {
  readonly cas: Store['cas'];
  readonly attempt: Attempt;
  readonly exit: Exit;
}

export async function collectOutputs(
  outputs: Readonly<Record<string, ArtifactType>>,
  collecting: Collecting,
): Promise<Result<RecordedArtifact[], Failure>> {
  const artifacts: RecordedArtifact[] = [];
  for (const [name, type] of Object.entries(outputs)) {
    const artifact = await collect(name, type, collecting);
    if (!artifact.ok) return artifact;
    artifacts.push(artifact.value);
  }
  return ok(artifacts);
}

async function collect(
  name: string,
  type: ArtifactType,
  { cas, attempt, exit }: Collecting,
): Promise<Result<RecordedArtifact, Failure>> {
  const path = `${attempt.outputs}/${name}`;
  const checked = await checkOutput(name, type, path);
  if (!checked.ok) return checked;
  const put = await cas.put(type, path);
  if (!put.ok) return put;
  const { digest, bytes } = put.value;
  const promised = exit.outputs[name]?.digest;
  if (promised !== digest) {
    const message = `the output ${JSON.stringify(name)} changed after the stage ended (${promised ?? 'no digest'}, then ${digest})`;
    return err({ class: 'infrastructure', code: 'output-changed', message });
  }
  const { rows } = checked.value;
  const right = rows === undefined ? ok(undefined) : checkRows(name, rows, rowsIn(cas, digest));
  return right.ok ? ok({ name, type, digest, bytes }) : right;
}

/** The store has hashed them as it took them in: they are not read again. */
function rowsIn(cas: Store['cas'], digest: string): string {
  const stored = cas.artifactRef('dataset', digest);
  return basename((stored.ok && stored.value.files?.[rowsFile]) || 'none');
}
