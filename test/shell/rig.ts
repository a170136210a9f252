/** Pipelines with real commands, planned and run in this process with the product's own worker. */
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { kinds } from '../../cli/kinds.js';
import { systemClock } from '../../runner/execute/clock.js';
import { workerVariables } from '../../runner/execute/environment.js';
import { Execution, type RunSummary } from '../../runner/execute/execution.js';
import { WorkerPool } from '../../runner/execute/pool.js';
import { analyze } from '../../runner/language/index.js';
import type { CellId, Diagnostic } from '../../runner/pipeline.js';
import { inertValues, loadCode, planPipeline, type Plan } from '../../runner/plan/index.js';
import { openStore, type Store } from '../../runner/store/index.js';
import type { CellEvent, LifecycleEvent } from '../../runner/track/events.js';

export const root = fileURLToPath(new URL('../../', import.meta.url));
export const moft = join(root, 'dist/cli/moft.js');

export class Shop {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'moft-shop-')));
  readonly env: Record<string, string | undefined> = { PATH: process.env.PATH };
  /** Why workers were replaced. */
  readonly retired: string[] = [];
  readonly #workers = new WorkerPool({
    command: [process.execPath, moft, 'worker'],
    cwd: root,
    grace: 2000,
    onRetire: (reason) => this.retired.push(reason),
  });
  events: (LifecycleEvent | CellEvent)[] = [];
  #store: Store | undefined;
  #runs = 0;

  constructor() {
    this.write('package.json', '{}');
  }

  write(name: string, content: string): string {
    const file = join(this.folder, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    return file;
  }

  /** A fifo, whose ends wait for each other. */
  fifo(name: string): { path: string; taken: () => Promise<string>; give: () => Promise<void> } {
    const path = join(this.folder, name);
    execFileSync('mkfifo', [path]);
    return { path, taken: () => readFile(path, 'utf8'), give: () => writeFile(path, '\n') };
  }

  check(yaml: string): readonly Diagnostic[] {
    return this.#analyze(yaml).diagnostics;
  }

  /** @throws where the file has errors, or what it names can't be read */
  async plan(yaml: string): Promise<Plan> {
    const { pipeline, diagnostics } = this.#analyze(yaml);
    const code = loadCode(root);
    if (!pipeline || !code.ok) throw new Error(JSON.stringify(code.ok ? diagnostics : code.error));
    const store = await this.store();
    const plan = await planPipeline({ pipeline, store, code: code.value, registry: kinds, env: this.env });
    if (!plan.ok) throw new Error(JSON.stringify(plan.error));
    return plan.value;
  }

  execution(plan: Plan, store: Store): Execution {
    this.events = [];
    return new Execution({
      plan,
      store,
      workers: this.#workers,
      clock: systemClock,
      run: `run-${(this.#runs += 1)}`,
      backend: undefined,
      variables: (cell, gpus) => workerVariables(this.env, cell, gpus),
      inert: (cell) => {
        const kind = kinds.get(cell.kind);
        return kind ? inertValues(cell, kind) : {};
      },
      checkpointFamily: () => undefined,
      changedCode: () => [],
      capacity: { cpu: 2, memory: 2 ** 30, gpus: ['4', '6'], tokens: {} },
      policy: { onFailure: 'keep-going', backoff: () => 0, leasePoll: 20, keyWait: 1000 },
      estimate: () => 1,
      journal: () => undefined,
      listener: (event) => void this.events.push(event),
    });
  }

  async run(yaml: string): Promise<RunSummary> {
    const plan = await this.plan(yaml);
    return this.execution(plan, await this.store()).run();
  }

  async store(): Promise<Store> {
    const opened = this.#store ?? (await openStore(join(this.folder, '.moft')));
    if ('ok' in opened && !opened.ok) throw new Error(opened.error.message);
    return (this.#store = 'ok' in opened ? opened.value : opened);
  }

  /** Text of an output of the newest run. */
  async output(cell: string, name: string): Promise<string> {
    const store = await this.store();
    const bound = store.runs.read(`run-${this.#runs}`)?.cells[cell];
    const artifact =
      bound && store.records.read(bound.key, bound.record)?.record.artifacts.find((a) => a.name === name);
    const bytes = artifact && store.cas.read(artifact.digest);
    if (!bytes?.ok) throw new Error(`${cell} has no output ${name}`);
    return bytes.value.toString('utf8');
  }

  /** What a cell printed in the newest run. */
  async log(cell: string): Promise<string> {
    const store = await this.store();
    const [attempt] = store.attempts.list(`run-${this.#runs}`, cell as CellId).slice(-1);
    return readFileSync(attempt?.log ?? '', 'latin1');
  }

  notes(): string[] {
    return this.events.flatMap((event) =>
      event.type === 'note' ? [event.markdown] : event.type === 'run-note' ? [event.text] : [],
    );
  }

  async close(): Promise<void> {
    await this.#workers.close();
    await this.#store?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #analyze(yaml: string): ReturnType<typeof analyze> {
    return analyze(
      { file: join(this.folder, 'p.yaml'), text: yaml },
      {
        registry: kinds,
        workingFolder: this.folder,
        root: this.folder,
        isFolder: (path) => statSync(path).isDirectory(),
      },
    );
  }
}

/** A pipeline of one cell `a`, with the script indented as YAML wants it. */
export function one(script: string, more = '', stage = ''): string {
  const lines = script
    .trim()
    .split('\n')
    .map((line) => `        ${line}`);
  return `name: p\nstages:\n  a:\n    uses: shell\n${stage}    with:\n      run: |\n${lines.join('\n')}\n${more || '      outputs: {out: {path: out.txt}}\n'}`;
}

/** Every file below a folder, as bytes. */
export function filesBelow(folder: string): { path: string; bytes: Buffer }[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    const path = join(entry.parentPath, entry.name);
    return entry.isFile() ? [{ path, bytes: readFileSync(path) }] : [];
  });
}
