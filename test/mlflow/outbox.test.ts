import { execFile } from 'node:child_process';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { lockOf, trackFolder } from '../../runner/track/outbox/index.js';
import { Tail, type Store } from '../../runner/store/index.js';
import { sha256 } from '../../schemas/json.js';
import { cellId, freshStore, temporaryFolder, valueOf } from '../store/fixtures.js';
import { Project } from '../cli/moft.js';
import { compared } from './compared.js';
import { CuttingProxy } from './proxy.js';
import { curve, newSender, RecordedRun, sendAll, steady, type Point } from './recorded.js';
import { isReady, MlflowServer, programs } from './server.js';
import { address, client } from './shared.js';

/** `MOFT_TEST_WRITERS` for fewer or more. */
const writers = Number(process.env.MOFT_TEST_WRITERS ?? 40);

interface ReadBack {
  readonly name: string;
  readonly status: string;
  readonly start: number;
  readonly end: number | null;
  readonly params: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly history: Readonly<Record<string, readonly (readonly [number, number, number])[]>>;
  readonly artifacts: Readonly<Record<string, string>>;
}

/** The runs of a run of ours, as MLflow's own client reads them, by cell; the run itself under ''. */
async function readBack({ experiment, run }: RecordedRun): Promise<ReadonlyMap<string, ReadBack>> {
  const script = join(import.meta.dirname, 'read_back.py');
  const { stdout } = await promisify(execFile)(programs?.python ?? '', [script, address, experiment, run], {
    maxBuffer: 1 << 28,
  });
  const runs = JSON.parse(stdout) as ReadBack[];
  const named = runs.map((one): [string, ReadBack] => [one.tags['moft.cell'] ?? '', one]);
  expect(new Set(named.map(([cell]) => cell)).size).toBe(runs.length);
  return new Map(named);
}

/** Every point that the attempts of a cell wrote, as the read-back shows histories. */
function written(
  store: Store,
  run: string,
  cell: string,
): Record<string, (readonly [number, number, number])[]> {
  const history: Record<string, [number, number, number][]> = {};
  for (const { events } of store.attempts.list(run, cellId(cell)))
    for (const line of new Tail(events).readAll()) {
      const { name, step, time, value } = JSON.parse(line) as Point & { time: number };
      (history[name] ??= []).push([step, time, value]);
    }
  for (const points of Object.values(history)) points.sort(([a, b], [c, d]) => a - c || b - d);
  return history;
}

async function recorded(): Promise<{ store: Store; run: RecordedRun }> {
  const store = await freshStore();
  const run = new RecordedRun(store);
  onTestFinished(() => run.close());
  return { store, run };
}

describe.skipIf(!programs)('the outbox', () => {
  beforeAll(() => isReady(address));

  it('sends all that a journal says, as MLflow’s own client reads it back', async () => {
    const { store, run } = await recorded();
    const mlflow = client();
    const sender = newSender(store, run.run, mlflow);
    run.start('a/reward=nli,seed=0', {
      alpha: 0.05,
      sampling: { weights: { dirichlet: 1 } },
      long: 'x'.repeat(7000),
    })(curve(50));
    expect(await sender.turn()).toEqual({ kind: 'current' });
    // A second try goes on with the same cell, behind the first.
    const more = run.start('a/reward=nli,seed=0', {
      alpha: 0.05,
      sampling: { weights: { dirichlet: 1 } },
      long: 'x'.repeat(7000),
    });
    more(curve(1_200));
    more([{ name: 'loss (odd)', value: 1e-300, step: 7 }]);
    await run.finish('a/reward=nli,seed=0');
    run.start('b')([]);
    run.fail('b');
    run.end('failed');
    expect(await sendAll(sender)).toEqual({ kind: 'complete' });
    const { counts, problems } = await compared(store.root, run.run, address);
    expect(problems).toEqual([]);
    expect(counts).toMatchObject({ runs: 3, points: 1_251, artifacts: 7 });
    const runs = await readBack(run);
    expect([...runs.keys()].sort()).toEqual(['', 'a/reward=nli,seed=0', 'b']);
    const a = runs.get('a/reward=nli,seed=0');
    const odd = Object.keys(a?.history ?? {}).find((name) => name.startsWith('loss _odd')) ?? '';
    const expected = written(store, run.run, 'a/reward=nli,seed=0');
    const { 'loss (odd)': oddPoints, ...plain } = expected;
    expect(a?.history).toEqual({ ...plain, [odd]: oddPoints });
    expect(a?.tags[`moft.name.${sha256('loss (odd)').slice(0, 8)}`]).toBe('loss (odd)');
    expect(a?.params).toMatchObject({
      alpha: '0.05',
      'sampling.weights.dirichlet': '1',
      seed: '0',
      reward: 'nli',
    });
    expect(a?.status).toBe('FINISHED');
    const originals = { ...a?.artifacts };
    expect(originals['moft/originals.json']).toBeDefined();
    expect(originals['outputs/out']).toBe(sha256('a/reward=nli,seed=0 é\n'));
    expect(originals['outputs/tree/a.json']).toBe(sha256('{}'));
    expect(originals[`moft/blobs/${sha256('a/reward=nli,seed=0')}`]).toBe(sha256('a/reward=nli,seed=0'));
    expect(runs.get('b')).toMatchObject({
      status: 'FAILED',
      tags: { 'moft.failure': expect.stringContaining('row 3') as string },
    });
    expect(runs.get('')).toMatchObject({
      status: 'FAILED',
      params: { alpha: '0.05' },
      tags: { 'mlflow.user': 'me', 'mlflow.source.git.commit': 'c'.repeat(40), 'moft.git.dirty': 'true' },
    });
  });

  it('doubles nothing when answers are cut after the server stored', async () => {
    const { store, run } = await recorded();
    run.start('a')(curve(3_000));
    await run.finish('a');
    run.end();
    const cutOnce = ['/runs/create', '/runs/log-batch', '/runs/update'];
    const proxy = await CuttingProxy.start(address, (path, n) =>
      cutOnce.some((call) => path.endsWith(call)) ? n % 2 === 1 : false,
    );
    onTestFinished(() => proxy.close());
    const turn = await sendAll(newSender(store, run.run, client(proxy.address, { patience: steady })), 5);
    expect(turn).toEqual({ kind: 'complete' });
    for (const call of cutOnce) expect(proxy.cut.some((path) => path.endsWith(call))).toBe(true);
    const runs = await readBack(run);
    expect([...runs.keys()].sort()).toEqual(['', 'a']);
    expect(runs.get('a')?.history).toEqual(written(store, run.run, 'a'));
  });

  it('doubles no model when the answer that made it is cut', async () => {
    const { store, run } = await recorded();
    run.end();
    const proxy = await CuttingProxy.start(address, (path, n) => path.endsWith('/logged-models') && n === 1);
    onTestFinished(() => proxy.close());
    const mlflow = client(proxy.address, { patience: steady });
    const sender = newSender(store, run.run, mlflow);
    await sendAll(sender);
    const { id = '', experiment = '' } = sender.sent.run ?? {};
    const wanted = { experiment, name: 'm', sourceRun: id, clientKey: `${run.run}/model` };
    const model = valueOf(await mlflow.model(wanted));
    expect(proxy.cut).toHaveLength(1);
    expect(valueOf(await mlflow.models([experiment])).map((one) => one.id)).toEqual([model.id]);
  });

  it('goes on from another machine, and from a machine that forgot what it sent', async () => {
    const { store, run } = await recorded();
    const more = run.start('a');
    more(curve(1_500));
    const first = newSender(store, run.run, client());
    expect(await first.turn()).toEqual({ kind: 'current' });
    more(curve(700));
    await run.finish('a');
    run.end();
    // The other machine has the store, and nothing of what was sent.
    const copy = join(temporaryFolder(), '.moft');
    cpSync(store.root, copy, { recursive: true });
    rmSync(trackFolder(copy, run.run), { recursive: true });
    const elsewhere = await freshStore({}, copy);
    const sender = newSender(elsewhere, run.run, client());
    expect(await sendAll(sender)).toEqual({ kind: 'complete' });
    // And the first one finds all of it done.
    expect(await sendAll(newSender(store, run.run, client()))).toEqual({ kind: 'complete' });
    const runs = await readBack(run);
    expect(runs.size).toBe(2);
    expect(runs.get('a')?.history).toEqual(written(store, run.run, 'a'));
  });

  it('sends a stretch again exactly as it was cut', async () => {
    const { store, run } = await recorded();
    const more = run.start('a');
    more(curve(10));
    await newSender(store, run.run, client()).turn();
    const file = join(trackFolder(store.root, run.run), `${sha256(address).slice(0, 16)}.jsonl`);
    // As after a crash between sending and noting: what was on its way is known, that it arrived is not.
    const lines = readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => !line.includes('"sent"'));
    rmSync(file);
    writeFileSync(file, lines.join('\n'));
    more(curve(2_000));
    await newSender(store, run.run, client()).turn();
    const stretches = readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.includes('"sending"'))
      .map((line) => JSON.parse(line) as { first: number; last: number })
      .map(({ first, last }) => [first, last]);
    expect(stretches.slice(0, 3)).toEqual([
      [1, 10],
      [1, 10],
      [11, 1009],
    ]);
  });

  it('calls what a killed run left open KILLED', async () => {
    const { store, run } = await recorded();
    run.start('a')(curve(4));
    const sender = newSender(store, run.run, client(), { isGone: () => true });
    expect(await sendAll(sender)).toEqual({ kind: 'complete' });
    const runs = await readBack(run);
    expect([...runs.values()].map(({ status }) => status)).toEqual(['KILLED', 'KILLED']);
    expect(runs.get('a')?.history).toEqual(written(store, run.run, 'a'));
  });

  it(`keeps every point of ${writers} processes that write at once`, async () => {
    // Of its own: who else asks the shared one now would wait for half a minute.
    const server = await MlflowServer.start();
    onTestFinished(() => server.close());
    await server.ready();
    const store = await freshStore();
    const runs = Array.from({ length: writers }, () => new RecordedRun(store));
    const project = new Project('name: p\n');
    onTestFinished(() => project.close());
    for (const run of runs) {
      onTestFinished(() => run.close());
      run.start('a')(curve(200));
      run.end('interrupted');
    }
    const env = { MOFT_HOME: store.root };
    const sync = ({ run }: RecordedRun) =>
      project.start(['sync', run, '--track', server.address, '--json'], { env }).ended;
    // A server on SQLite that has too much to do may owe something still: what is owed is sent by the next.
    for (let owed = runs, turn = 0; owed.length > 0 && turn < 3; turn++) {
      const ends = await Promise.all(owed.map(sync));
      owed = owed.filter((_, n) => ends[n]?.code !== 0);
    }
    const mlflow = client(server.address);
    for (const { run, experiment } of runs) {
      const { id = '' } = valueOf(await mlflow.experimentNamed(experiment)) ?? {};
      const found = valueOf(await mlflow.runs({ experiments: [id], deleted: 'all' }));
      expect(found.map(({ name }) => name).sort()).toEqual(['a', 'recorded']);
      const cell = found.find(({ name }) => name === 'a')?.id ?? '';
      const history = valueOf(await mlflow.history(cell, 'loss'));
      const points = history.map(({ step, timestamp, value }) => [step, timestamp, value]);
      expect(points.sort(([a = 0], [b = 0]) => a - b)).toEqual(written(store, run, 'a').loss);
    }
  }, 400_000);

  it('sends a run from one place at once', async () => {
    const { store, run } = await recorded();
    const key = lockOf(run.run, address);
    const first = valueOf(store.leases.acquire(key));
    const other = await freshStore({}, store.root);
    expect(first.kind).toBe('lease');
    expect(valueOf(other.leases.acquire(key)).kind).toBe('held');
  });
});
