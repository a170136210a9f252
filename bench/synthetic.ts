/**
 * Pipelines of any size out of built-in kinds, and stores in which every cell of them is known: what planning and
 * running nothing cost is measured on them, without training anything.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kinds } from '../cli/kinds.js';
import { analyze } from '../runner/language/index.js';
import type { Cell, CellId, Pipeline } from '../runner/pipeline.js';
import { loadCode, planPipeline } from '../runner/plan/index.js';
import { createDisk, openStore, type Store, type StoredRecord } from '../runner/store/index.js';
import type { Json, JsonObject } from '../schemas/json.js';

/** `wide`: independent stages and one that gathers them. `deep`: a whole study, once a seed. */
export const shapes = ['wide', 'deep'] as const;
export type Shape = (typeof shapes)[number];

const head = (name: string, cells: number): string =>
  `name: ${name}\nmax_cells: ${Math.max(10_000, 2 * cells)}\n`;

/** One policy, asked `cells` times, and the report on all answers. */
const wide = (cells: number): string => `${head('wide', cells)}stages:
  news: { uses: data/news }
  reference: { uses: sft, with: { data: $news.train } }
  expert: { uses: soft, with: { reference: $reference.model, prompts: $news.train, rewards: nli, alpha: 0.1 } }
  front:
    uses: front
    matrix: { draw: [${Array.from({ length: cells }, (_, i) => i + 1).join(', ')}] }
    with: { policy: $expert.policy, prompts: $news.test, sampling_seed: $matrix.draw }
  report: { uses: report, with: { fronts: $front(*).front } }
`;

/** Nine cells a seed, beside the data and the report. */
const deep = (cells: number): string => `${head('deep', cells)}seeds: ${Math.max(1, Math.round(cells / 9))}
params: { alpha: 0.05 }
stages:
  news: { uses: data/news }
  reference: { uses: sft, with: { data: $news.train } }
  expert:
    uses: soft
    matrix: { reward: [nli, rouge] }
    with: { reference: $reference.model, prompts: $news.train, rewards: $matrix.reward, alpha: $params.alpha }
  clp:
    uses: clp
    matrix: { conditioning: [full, logits] }
    with:
      reference: $reference.model
      prompts: $news.train
      rewards: [nli, rouge]
      conditioning: $matrix.conditioning
      sampling: { weights: { dirichlet: 1 }, alpha: $params.alpha }
  soup: { uses: rewarded-soup, with: { experts: $expert(reward=*).policy } }
  front:
    uses: front
    matrix: { method: { rewarded-soup: $soup.policy, clp: $clp.policy } }
    with: { policy: $matrix.method, prompts: $news.test }
  report: { uses: report, with: { fronts: $front(*).front } }
`;

export interface Synthetic {
  readonly file: string;
  readonly home: string;
  readonly cells: number;
}

/** Writes a pipeline of about `cells` cells into `folder`, and beside it a store that knows all of them. */
export async function synthesize(
  folder: string,
  root: string,
  { shape, cells }: { readonly shape: Shape; readonly cells: number },
): Promise<Synthetic> {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'pipeline.yaml');
  const home = join(folder, '.moft');
  const text = shape === 'wide' ? wide(cells) : deep(cells);
  writeFileSync(file, text);
  const { pipeline, diagnostics } = analyze(
    { file, text },
    { registry: kinds, params: {}, sets: {}, workingFolder: folder, exists: existsSync },
  );
  if (!pipeline) throw new Error(`the synthetic pipeline is wrong: ${JSON.stringify(diagnostics)}`);
  // What is made up may be lost with the power: a file forced onto the disk for each cell would take minutes.
  const disk = { ...createDisk(), sync: () => Promise.resolve() };
  const store = must(await openStore(home, { disk }));
  await fill(pipeline, store, root);
  must(await store.close());
  return { file, home, cells: pipeline.cells.length };
}

/** Records a made-up result for each cell, parents first, as the runner would have. */
async function fill(pipeline: Pipeline, store: Store, root: string): Promise<void> {
  const code = must(loadCode(root));
  const plan = must(await planPipeline({ pipeline, store, code, registry: kinds, env: {} }));
  const records = new Map<CellId, StoredRecord>();
  const bound: Record<string, { key: StoredRecord['key']; record: string; how: 'ran' }> = {};
  for (const { cell } of plan.cells) {
    const { key, preimage } = must(await plan.resolve(cell.id, records));
    if (key === undefined) throw new Error(`the cell ${cell.id} has no key`);
    const record = must(
      await store.records.publish({
        v: 1,
        key,
        preimage: preimage as unknown as JsonObject,
        kind: cell.kind,
        artifacts: await artifacts(cell, store),
        seconds: 1,
        finished: '2026-01-01T00:00:00.000Z',
        run: firstRun,
        environment: { arch: process.arch },
      }),
    );
    records.set(cell.id, record);
    bound[cell.id] = { key, record: record.digest, how: 'ran' };
  }
  const { name, file, params } = pipeline;
  const started = '2026-01-01T00:00:00.000Z';
  must(
    store.runs.write({
      ...{ v: 1, run: firstRun, pipeline: name, file, started, finished: started },
      ...{ status: 'done', cells: bound, extra: { params: params as Json } },
    }),
  );
}

const firstRun = '20260101-000000-00000000';

type Artifacts = Parameters<Store['records']['publish']>[0]['artifacts'];

/** Every output is a folder of one file that no other cell has. */
async function artifacts(cell: Cell, store: Store): Promise<Artifacts> {
  const made: Artifacts = [];
  for (const [name, type] of Object.entries(cell.outputs)) {
    const folder = join(store.root, 'tmp', 'synthetic');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'content'), `${cell.id} ${name}\n`);
    const { digest, bytes } = must(await store.cas.put(type, folder));
    made.push({ name, type, digest, bytes });
  }
  return made;
}

function must<T>(
  result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown },
): T {
  if (result.ok) return result.value;
  throw new Error(JSON.stringify(result.error));
}
