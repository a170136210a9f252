/** Runs a kind as a worker would: defaults filled in, checked, outputs in folders of their own. */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Value } from 'typebox/value';
import { afterAll, expect } from 'vitest';
import type { ArtifactRef, Checkpoints, StageKind } from '../../runner/contract.js';
import { noCheckpoints } from '../../runner/execute/worker/checkpoints.js';
import type { ArtifactType } from '../../schemas/artifact.js';
import type { Job, StageEventBody } from '../../schemas/protocol.js';

export interface Ran {
  readonly outputs: Readonly<Record<string, ArtifactRef>>;
  readonly events: readonly StageEventBody[];
  /** The last value logged under a name. */
  metric(name: string): number | undefined;
  json(output: string, file: string): Promise<unknown>;
}

export interface RunOptions {
  readonly with: object;
  readonly inputs?: Job['inputs'];
  readonly seed?: number;
  readonly checkpoints?: Checkpoints;
}

export async function runKind(kind: StageKind, options: RunOptions): Promise<Ran> {
  const values = Value.Default(kind.with, structuredClone(options.with)) as Record<string, unknown>;
  expect(Value.Check(kind.with, values), JSON.stringify(Value.Errors(kind.with, values))).toBe(true);
  // Of what is bound nothing is known but that it is there.
  const bound = Object.entries(options.inputs ?? {}).filter(([, input]) => !Array.isArray(input));
  const traits = Object.fromEntries(bound.map(([name]) => [name, {}]));
  expect(kind.check?.(values, traits) ?? []).toEqual([]);
  const folder = await mkdtemp(join(tmpdir(), 'moft-kind-'));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const ports = Object.entries(kind.outputs(values, traits));
  const events: StageEventBody[] = [];
  await kind.run(
    {
      ...{ v: 1, attempt: 'test', kind: kind.name, with: values, seed: options.seed ?? 0 },
      inputs: options.inputs ?? {},
      outputs: Object.fromEntries(
        ports.map(([name, { type }]) => [name, { type, path: join(folder, name) }]),
      ),
      scratch: join(folder, 'scratch'),
      backend: 'wasm',
    },
    (event) => events.push(event),
    new AbortController().signal,
    {
      checkpoints: options.checkpoints ?? noCheckpoints,
      workshop: () => Promise.reject(new Error('these kinds run no command')),
    },
  );
  const outputs: Record<string, ArtifactRef> = {};
  for (const [name, { type }] of ports) outputs[name] = await folderArtifact(type, join(folder, name));
  return {
    outputs,
    events,
    metric: (name) => events.flatMap((e) => (e.type === 'metric' && e.name === name ? [e.value] : [])).at(-1),
    json: async (output, file) => JSON.parse(await readFile(join(folder, output, file), 'utf8')) as unknown,
  };
}

export async function folderArtifact(type: ArtifactType, path: string): Promise<ArtifactRef> {
  const names = (await readdir(path)).sort();
  const hash = createHash('sha256');
  for (const name of names) hash.update(name).update(await readFile(join(path, name)));
  return {
    ...{ type, path, digest: hash.digest('hex') },
    files: Object.fromEntries(names.map((name) => [name, join(path, name)])),
  };
}

export function output(ran: Ran, name: string): ArtifactRef {
  const artifact = ran.outputs[name];
  if (!artifact) throw new Error(`the kind has no output ${name}`);
  return artifact;
}
