/** A store, real workers and an execution over a pipeline made by hand. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../runner/execute/clock.js';
import { Execution, type ExecutionOptions, type RunSummary } from '../../runner/execute/execution.js';
import { WorkerPool, type PoolOptions } from '../../runner/execute/pool.js';
import type { Cell, CellId, InputBinding, Pipeline } from '../../runner/pipeline.js';
import { checkpointFamily, inertValues, planPipeline, type Code } from '../../runner/plan/index.js';
import { openStore, type Store } from '../../runner/store/index.js';
import type { KindRegistry } from '../../runner/contract.js';
import type { CellEvent, LifecycleEvent } from '../../runner/track/events.js';
import type { JsonObject } from '../../schemas/json.js';
import type { ArtifactType } from '../../schemas/artifact.js';
import { Commander } from './commander.js';

const fixtures = fileURLToPath(new URL('../fixtures/execute/', import.meta.url));
export const moftScript = join(fixtures, 'moft.mjs');

const { kinds } = (await import(/* @vite-ignore */ join(fixtures, 'kinds.mjs'))) as { kinds: KindRegistry };
const { testCode } = (await import(/* @vite-ignore */ join(fixtures, 'code.mjs'))) as { testCode: Code };

export interface StepOptions extends Partial<
  Pick<Cell, 'timeout' | 'retries' | 'env' | 'secrets' | 'needs' | 'resources'>
> {
  /** Cells whose output `out` or `sum` it reads. */
  readonly after?: readonly string[];
  readonly kind?: string;
  readonly with?: JsonObject;
  readonly outputs?: Readonly<Record<string, ArtifactType>>;
}

export type Listened = LifecycleEvent | CellEvent;

export class Rig {
  readonly commander = new Commander();
  readonly folder = mkdtempSync(join(tmpdir(), 'moft-rig-'));
  readonly events: Listened[] = [];
  readonly journal: LifecycleEvent[] = [];
  #stores: Store[] = [];
  #waiting: { readonly wanted: (event: Listened) => boolean; readonly take: (event: Listened) => void }[] =
    [];

  /** A cell of the kind test/step that is commanded under its own name. */
  step(name: string, options: StepOptions = {}): Cell {
    const {
      after = [],
      with: values,
      kind = 'test/step',
      outputs = { out: 'file' },
      needs = [],
      ...rest
    } = options;
    const items = after.map((parent) => ({
      stage: parent,
      coordinates: {},
      cell: parent as CellId,
      output: 'out',
    }));
    const inputs: Record<string, InputBinding> =
      after.length === 0 ? {} : { before: { kind: 'gathered', type: 'file', items } };
    return {
      id: name as CellId,
      stage: name,
      coordinates: {},
      kind,
      with: values ?? { label: name, socket: this.commander.path },
      inputs,
      outputs,
      needs: [...needs, ...after.map((parent) => parent as CellId)],
      env: [],
      secrets: [],
      resources: {},
      retries: {},
      place: { file: 'test.yaml', line: 1, column: 1, endLine: 1, endColumn: 1 },
      origins: {},
      ...rest,
    };
  }

  /** Starts an execution; several may run beside each other on one store folder. */
  async start(
    cells: readonly Cell[],
    options: Partial<ExecutionOptions> & {
      readonly pool?: Partial<PoolOptions>;
      readonly onFailure?: Pipeline['onFailure'];
    } = {},
  ): Promise<{
    readonly execution: Execution;
    readonly summary: Promise<RunSummary>;
    readonly store: Store;
  }> {
    const { pool, onFailure = 'keep-going', ...rest } = options;
    const store = await this.open();
    const pipeline: Pipeline = {
      name: 'test',
      experiment: 'test',
      file: join(this.folder, 'test.yaml'),
      params: {},
      cells,
      stages: cells.map(({ stage }) => stage),
      onFailure,
      variants: [],
      reproducible: 'relaxed',
      remarks: [],
      warnings: [],
    };
    const plan = await planPipeline({ pipeline, store, code: testCode, registry: kinds, env: {} });
    if (!plan.ok) throw new Error(JSON.stringify(plan.error));
    const workers = new WorkerPool({
      command: [process.execPath, moftScript, 'worker'],
      cwd: this.folder,
      ...pool,
    });
    const execution = new Execution({
      plan: plan.value,
      store,
      workers,
      clock: systemClock,
      run: `run-${this.#stores.length}`,
      backend: undefined,
      variables: (cell) => ({ PATH: process.env.PATH ?? '', ...secretsOf(cell) }),
      inert: (cell) => {
        const kind = kinds.get(cell.kind);
        return kind ? inertValues(cell, kind) : {};
      },
      checkpointFamily: (preimage) => {
        const kind = kinds.get(preimage.kind);
        return kind && checkpointFamily(preimage, kind);
      },
      changedCode: () => [],
      capacity: { cpu: 2, memory: 2 ** 30, gpus: [], tokens: {} },
      policy: { onFailure, backoff: () => 0, leasePoll: 20, keyWait: 1000 },
      estimate: () => 1,
      journal: (event) => void this.journal.push(event),
      listener: (event) => this.#hear(event),
      ...rest,
    });
    const summary = execution.run().finally(() => workers.close());
    return { execution, summary, store };
  }

  async open(): Promise<Store> {
    const store = await openStore(join(this.folder, '.moft'));
    if (!store.ok) throw new Error(store.error.message);
    this.#stores.push(store.value);
    return store.value;
  }

  /** The next event from now on that is wanted. */
  until(wanted: (event: Listened) => boolean): Promise<Listened> {
    return new Promise((take) => this.#waiting.push({ wanted, take }));
  }

  /** Lifecycle events as text, in order. */
  get story(): string[] {
    return this.journal.flatMap((event) => {
      if (event.type === 'cell-started') return [`start ${event.cell}#${event.attempt}`];
      if (event.type === 'cell-finished') return [`${event.status} ${event.cell}`];
      return event.type === 'cell-retried' ? [`retry ${event.cell}`] : [];
    });
  }

  async close(): Promise<void> {
    this.commander.close();
    for (const store of this.#stores) await store.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #hear(event: Listened): void {
    this.events.push(event);
    const heard = this.#waiting.filter(({ wanted }) => wanted(event));
    this.#waiting = this.#waiting.filter((waiting) => !heard.includes(waiting));
    for (const { take } of heard) take(event);
  }
}

function secretsOf(cell: Cell): Record<string, string> {
  return Object.fromEntries(cell.secrets.map((name) => [name, `value of ${name}`]));
}
