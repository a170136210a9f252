/** A project that is run in this process or in real ones, on a disk and a clock that the test holds in its hands. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect } from 'vitest';
import type { CliHost } from '../../cli/host.js';
import type { main as mainType } from '../../cli/main.js';
import type { KindRegistry } from '../../runner/contract.js';
import type { Clock } from '../../runner/execute/clock.js';
import type { Workers } from '../../runner/execute/pool.js';
import type { runJob as runJobType } from '../../runner/execute/worker/job.js';
import type { WorkerHost } from '../../runner/execute/worker/host.js';
import type { Code } from '../../runner/plan/index.js';
import type * as storeModule from '../../runner/store/index.js';
import type { DiskWrite, Store } from '../../runner/store/index.js';
import type { RunEvent } from '../../runner/track/events.js';
import type { RecordedArtifact } from '../../schemas/protocol.js';
import { Command } from '../cli/moft.js';
import { unmountUnder } from './mounts.js';

// The compiled product, as the fixtures use it: one module of each, so that classes are the same.
const load = async <T>(path: string): Promise<T> => (await import(/* @vite-ignore */ path)) as T;
const dist = (path: string): string => fileURLToPath(new URL(`../../dist/${path}`, import.meta.url));
const fixture = (path: string): string =>
  fileURLToPath(new URL(`../fixtures/execute/${path}`, import.meta.url));
const { main } = await load<{ main: typeof mainType }>(dist('cli/main.js'));
const { runJob } = await load<{ runJob: typeof runJobType }>(dist('runner/execute/worker/job.js'));
const { createDisk, openStore } = await load<typeof storeModule>(dist('runner/store/index.js'));
const { kinds } = await load<{ kinds: KindRegistry }>(fixture('kinds.mjs'));
const { testCode } = await load<{ testCode: Code }>(fixture('code.mjs'));

/** Leases that end quickly, and a clock that runs fast: back-off and looking again take no time. */
export const beat = { everyMs: 20, silenceMs: 200 };
export const speed = 20;

export interface RunOptions {
  /** Called before each write to the store, with what the run has said so far. */
  readonly hook?: (write: DiskWrite, soFar: () => Pick<Outcome, 'events'>) => void;
  /** Milliseconds that the wall clock is off. */
  readonly wallOffset?: () => number;
  readonly file?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Outcome {
  readonly code: number | null;
  readonly events: readonly RunEvent[];
  readonly stderr: string;
}

/** One cell at a time, here: a process for each would take longer than all the rest. */
function ownWorkers(): Workers {
  let last: Promise<unknown> = Promise.resolve();
  const engine = { start: () => Promise.resolve({}), memory: () => undefined };
  const digest: WorkerHost['digest'] = async (type, path) => {
    const hasher = await openStore(join(tmpdir(), 'no-store'), { access: 'read' });
    return hasher.ok ? hasher.value.cas.put(type, path) : hasher;
  };
  return {
    run: ({ job, epoch, restarts, onEvent }) => {
      const controller = new AbortController();
      const result = last.then(async () => {
        const report = await runJob(
          { path: job, epoch, restarts },
          { kinds, engine, digest, now: () => Date.now() },
          {
            controller,
            onEvent,
            stopRequested: () => false,
            grace: () => 1000,
            onGroup: () => undefined,
            onActivity: () => undefined,
            checkpointAsked: () => false,
          },
        );
        const { environment, error } = report;
        return { kind: 'ended', environment, seconds: 0, ...(error ? { failure: error } : {}) } as const;
      });
      last = result;
      return { result, stop: () => controller.abort() };
    },
    retire: () => undefined,
    checkpoint: () => undefined,
    close: () => Promise.resolve(),
  };
}

const parseEvents = (stdout: string): readonly RunEvent[] =>
  stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as RunEvent);

/** Cells that a run had finished, as far as it came. */
export const finishedIn = ({ events }: Pick<Outcome, 'events'>): ReadonlySet<string> =>
  new Set(
    events.flatMap((event) =>
      event.type === 'cell-finished' && (event.status === 'ran' || event.status === 'hit')
        ? [event.cell]
        : [],
    ),
  );

/** What each cell of the newest run stands for. */
export type Results = Readonly<
  Record<string, { readonly key: string; readonly artifacts: readonly RecordedArtifact[] }>
>;

/** Of faults that found something: those that didn't are removed at once, for a full run would fill the disk. */
const folders = new Set<string>();
afterAll(() => {
  for (const folder of folders) unmountUnder(folder);
  for (const folder of folders) fs.rmSync(folder, { recursive: true, force: true });
});

export class Lab {
  readonly folder: string;

  constructor(pipeline: string, files: Readonly<Record<string, string>> = {}) {
    this.folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'moft-faults-')));
    folders.add(this.folder);
    for (const [name, text] of Object.entries({ 'package.json': '{}', 'p.yaml': pipeline, ...files }))
      this.write(name, text);
  }

  get root(): string {
    return join(this.folder, '.moft');
  }

  write(name: string, text: string): string {
    const file = join(this.folder, name);
    fs.writeFileSync(file, text);
    return file;
  }

  remove(): void {
    fs.rmSync(this.folder, { recursive: true, force: true });
  }

  /** `moft run p.yaml --json` in this process. */
  async run({ hook, wallOffset = () => 0, file = 'p.yaml', env = {} }: RunOptions = {}): Promise<Outcome> {
    const out = { stdout: '', stderr: '' };
    const soFar = (): Pick<Outcome, 'events'> => ({ events: parseEvents(out.stdout) });
    const clock: Clock = {
      monotonic: () => performance.now() * speed,
      wall: () => Date.now() + wallOffset(),
      after: (milliseconds, callback) => {
        const timer = setTimeout(callback, milliseconds / speed);
        return () => clearTimeout(timer);
      },
    };
    const host: CliHost = {
      env: { PATH: process.env.PATH, ...env },
      cwd: this.folder,
      stdout: { write: (text) => (out.stdout += text) },
      stderr: { write: (text) => (out.stderr += text) },
      clock,
      store: { heartbeat: beat, ...(hook ? { disk: createDisk((write) => hook(write, soFar)) } : {}) },
      workers: ownWorkers,
      moftCommand: ['false'],
      workerCommand: ['false'],
      kinds: () => Promise.resolve(kinds),
      code: () => Promise.resolve({ ok: true, value: testCode }),
      engine: () => Promise.reject(new Error('no engine here')),
      onInterrupt: () => () => undefined,
      onCheckpoint: () => () => undefined,
    };
    const code = await main(['run', file, '--json', '--jobs', '1'], host, '0.0.0-test');
    return { code, events: parseEvents(out.stdout), stderr: out.stderr };
  }

  /** The same as a process, on a machine that fails as test/fixtures/execute/faults.mjs says. */
  start(fault: Readonly<Record<string, unknown>> = {}, file = 'p.yaml'): Command {
    const told = JSON.stringify({ beat, speed, ...fault });
    return new Command(['--fault', told, 'run', file, '--json', '--jobs', '1'], { cwd: this.folder });
  }

  async ended(command: Command): Promise<Outcome & { readonly signal: string | null }> {
    const { code, signal, stdout, stderr } = await command.ended;
    // What a kill cut off in the middle of a line is no event.
    return { code, signal, events: parseEvents(stdout), stderr };
  }

  async store(root = this.root): Promise<Store> {
    const store = await openStore(root, { access: 'read' });
    if (!store.ok) throw new Error(store.error.message);
    return store.value;
  }

  /** What a run made or was served. */
  async results({ events }: Pick<Outcome, 'events'>, root = this.root): Promise<Results> {
    const store = await this.store(root);
    const manifest = store.runs.read(events[0]?.run ?? '');
    return Object.fromEntries(
      Object.entries(manifest?.cells ?? {}).map(([id, { key, record }]) => {
        const artifacts = store.records.read(key, record)?.record.artifacts ?? [];
        return [id, { key, artifacts: [...artifacts].sort((a, b) => (a.name < b.name ? -1 : 1)) }];
      }),
    );
  }

  /** The bytes of all files of all outputs, as they lie on the disk. */
  async bytes(results: Results, root = this.root): Promise<ReadonlyMap<string, Buffer>> {
    const store = await this.store(root);
    const found = new Map<string, Buffer>();
    for (const [id, { artifacts }] of Object.entries(results))
      for (const { name, type, digest } of artifacts) {
        const ref = store.cas.artifactRef(type, digest);
        if (!ref.ok) throw new Error(`${id}: ${ref.error.message}`);
        found.set(`${id}:${name}`, fs.readFileSync(ref.value.path));
        for (const [file, path] of Object.entries(ref.value.files ?? {}))
          found.set(`${id}:${name}/${file}`, fs.readFileSync(path));
      }
    return found;
  }
}

/** What a clean store holds after a run: the measure of all others. */
export interface Clean {
  readonly results: Results;
  readonly bytes: ReadonlyMap<string, Buffer>;
  /** Writes to the store, of a run from nothing. */
  readonly writes: number;
}

export async function cleanRun(
  pipeline: string,
  files: Readonly<Record<string, string>> = {},
): Promise<Clean> {
  const lab = new Lab(pipeline, files);
  let writes = 0;
  const outcome = await lab.run({ hook: () => void (writes += 1) });
  expect(outcome).toMatchObject({ code: 0, stderr: '' });
  const results = await lab.results(outcome);
  return { results, bytes: await lab.bytes(results), writes };
}

/** That a run ended well, with the results and bytes of a clean store, and ran nothing of `finished` again. */
export async function expectRight(
  lab: Lab,
  outcome: Outcome,
  { clean, finished, root = lab.root }: { clean: Clean; finished: ReadonlySet<string>; root?: string },
): Promise<void> {
  expect({ code: outcome.code, stderr: outcome.stderr }).toEqual({ code: 0, stderr: '' });
  const results = await lab.results(outcome, root);
  expect(results).toEqual(clean.results);
  const bytes = await lab.bytes(results, root);
  expect([...bytes.keys()].sort()).toEqual([...clean.bytes.keys()].sort());
  for (const [name, content] of clean.bytes) expect(bytes.get(name)?.equals(content), name).toBe(true);
  const ran = outcome.events.flatMap((event) =>
    event.type === 'cell-finished' && event.status === 'ran' ? [event.cell] : [],
  );
  expect(ran.filter((cell) => finished.has(cell))).toEqual([]);
}

/** Cells with folders, shared blobs, a gathered input and a file of the project; cheap ones. */
export const pipeline = `
name: faults
stages:
  data: {uses: test/copy, with: {data: data.txt}}
  one: {uses: test/sum, matrix: {value: [1, 2, 3]}, with: {value: $matrix.value}}
  tree: {uses: test/tree, matrix: {more: [10, 20]}, with: {value: $matrix.more, numbers: $one(value=*).sum}}
  all: {uses: test/sum, with: {value: 100, numbers: $tree(more=*).sum}}
`;
export const files = { 'data.txt': 'a line of data\n'.repeat(50) };
