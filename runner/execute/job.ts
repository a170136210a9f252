/** job.json: what a worker is told, made from the preimage and from what can't change a byte. */
import { canonicalJson, type Json, type JsonObject } from '../../schemas/json.js';
import { protocolVersion, type Job } from '../../schemas/protocol.js';
import type { Preimage } from '../plan/index.js';
import type { Attempt } from '../store/index.js';

export interface JobExtras {
  /** Where the inputs of the preimage lie. */
  readonly inputs: Job['inputs'];
  /** Values under `with` that the kind lists as inert. */
  readonly inert: JsonObject;
  readonly backend: string | undefined;
  /** Names of secrets; their values never stand here. */
  readonly secrets?: readonly string[];
  /** Where a program of the user's works, and the folder that its next attempt finds again. */
  readonly workspace?: string;
  readonly checkpoint?: string;
}

/**
 * Text of job.json. It is canonical, as the preimage is when it is hashed: two files that give one key but write
 * the members of a map in another order give one text, so that a stage can't tell them apart.
 */
export function jobText(
  preimage: Preimage,
  attempt: Pick<Attempt, 'nonce' | 'outputs' | 'scratch'>,
  { inputs, inert, backend, secrets = [], workspace, checkpoint }: JobExtras,
): string {
  const outputs = Object.entries(preimage.outputs).map(
    ([name, type]) => [name, { type, path: `${attempt.outputs}/${name}` }] as const,
  );
  const env = Object.keys(preimage.env);
  const job: Job = {
    v: protocolVersion,
    attempt: attempt.nonce,
    kind: preimage.kind,
    with: { ...preimage.with, ...inert },
    ...(preimage.seed === undefined ? {} : { seed: preimage.seed }),
    inputs,
    outputs: Object.fromEntries(outputs),
    scratch: attempt.scratch,
    ...(env.length === 0 ? {} : { env }),
    ...(secrets.length === 0 ? {} : { secrets: [...secrets] }),
    ...(workspace === undefined ? {} : { workspace }),
    ...(checkpoint === undefined ? {} : { checkpoint }),
    ...(backend === undefined ? {} : { backend }),
  };
  return canonicalJson(job as unknown as Json);
}
