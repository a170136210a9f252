import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Project } from '../cli/moft.js';
import { Commander } from '../execute/commander.js';
import { isReady, programs } from './server.js';
import { address, client, unique } from './shared.js';
import { identifyProcess } from '../../runner/store/process-identity.js';
import { lockOf } from '../../runner/track/outbox/index.js';
import { freshStore, valueOf } from '../store/fixtures.js';

const pipeline = (experiment: string): string => `
name: summed
experiment: ${experiment}
stages:
  one: {uses: test/tree, matrix: {n: [1, 2]}, with: {value: $matrix.n}}
  two: {uses: test/metric, with: {numbers: $one(*).sum}}
`;

function project(text: string): Project {
  const made = new Project(text);
  onTestFinished(() => made.close());
  return made;
}

/** A run that waits until its tracker has sent all. */
const patient = { MLFLOW_TRACKING_URI: address, TEST_FAREWELL: '100000' };

const nobody = 'http://127.0.0.1:9';

describe('a run whose server is away', () => {
  it('ends as any other, warns, and says what is owed', async () => {
    const summed = project(pipeline('x'));
    const { code, stderr } = await summed.start(['run', 'p.yaml', '--track', nobody]).ended;
    expect(code).toBe(0);
    expect(stderr).toContain("can't be reached");
    expect(stderr).toMatch(/`moft sync \S+` sends it/);
    const sync = await summed.start(['sync', '--track', nobody]).ended;
    expect(sync.code).toBe(3);
    expect(sync.stderr).toContain("can't be reached");
  });

  it('is not stopped by an address that is no server’s, but `sync` is', async () => {
    const summed = project(pipeline('x'));
    const env = { MLFLOW_TRACKING_URI: 'file:///mlruns' };
    const run = await summed.start(['run', 'p.yaml'], { env }).ended;
    expect(run.code).toBe(0);
    expect(run.stderr).toContain('the run is not tracked');
    expect((await summed.start(['sync'], { env }).ended).code).toBe(2);
    expect((await summed.run('sync')).stderr).toContain('no MLflow server is named');
    expect((await summed.run('mlflow', '--stop')).stdout).toContain('no server');
  });

  it('`moft mlflow --port` says where the server listens already, and exits with 0 where it is that port', async () => {
    const summed = project(pipeline('x'));
    mkdirSync(join(summed.folder, '.moft/mlflow'), { recursive: true });
    const stub = createServer((_, response) => response.end('OK'));
    onTestFinished(() => void stub.close());
    await new Promise<void>((resolve) => stub.listen(0, '127.0.0.1', resolve));
    const { port } = stub.address() as AddressInfo;
    const server = { port, process: identifyProcess(), version: 'x' };
    writeFileSync(join(summed.folder, '.moft/mlflow/server.json'), JSON.stringify(server));
    const again = await summed.start(['mlflow', '--port', String(port)]).ended;
    const there = `http://127.0.0.1:${port}`;
    expect(again).toMatchObject({ code: 0, stdout: `${there}\n` });
    expect(again.stderr).toContain(`the MLflow server of this store listens at ${there} already`);
    expect((await summed.start(['mlflow', '--port', '9']).ended).code).toBe(2);
  });

  it('without Python, `moft mlflow` says so, offers the report, and exits with 3', async () => {
    const { code, stderr } = await project(pipeline('x')).start(['mlflow'], { env: { PATH: '/nowhere' } })
      .ended;
    expect(code).toBe(3);
    expect(stderr).toContain('no Python');
    expect(stderr).toContain('moft report FILE');
  });
});

describe.skipIf(!programs)('a tracked run', () => {
  beforeAll(() => isReady(address));

  it('is on the server, can be found from here, and fetched back elsewhere', async () => {
    const experiment = unique('moft/cli');
    const summed = project(pipeline(experiment));
    const env = patient;
    expect((await summed.run('push', '--make-key')).code).toBe(0);
    const run = await summed.start(['run', 'p.yaml'], { env }).ended;
    expect(run.code).toBe(0);
    expect(run.stderr).toContain(`mlflow: ${address}/#/experiments/`);
    expect((await summed.start(['sync'], { env }).ended).code).toBe(0);
    const [id = ''] = readdirSync(join(summed.folder, '.moft/runs')).map((name) => name.replace('.json', ''));
    const mlflow = client();
    const { id: there } = valueOf(await mlflow.experiment(experiment));
    const runs = valueOf(await mlflow.runs({ experiments: [there] }));
    expect(runs.map(({ name, status }) => `${name} ${status}`).sort()).toEqual([
      'one 1 FINISHED',
      'one 2 FINISHED',
      'summed FINISHED',
      'two FINISHED',
    ]);
    const two = runs.find(({ name }) => name === 'two');
    expect(
      valueOf(await mlflow.history(two?.id ?? '', 'total'))
        .map(({ step }) => step)
        .sort(),
    ).toEqual([1, 2]);

    const shown = await summed.start(['show', 'two', '--mlflow'], { env }).ended;
    expect(shown.stdout).toBe(
      `${address}/#/experiments/${there}/runs/${two?.id ?? ''}?workflowType=machine_learning\n`,
    );
    const listed = await summed.start(['ls', '--mlflow', 'p.yaml', '--json'], { env }).ended;
    expect((JSON.parse(listed.stdout) as { run: string }[]).map((row) => row.run)).toContain(id);

    const elsewhere = project(pipeline(experiment));
    const stranger = await elsewhere.start(['restore', id], { env }).ended;
    expect(stranger.code).toBe(3);
    expect(stranger.stderr).toContain('is not trusted');
    const key = join(summed.folder, '.config/moft/signing-key.pem');
    const own = { ...env, MOFT_SIGNING_KEY: key };
    const restored = await elsewhere.start(['restore', id], { env: own }).ended;
    expect(restored.stdout.match(/^restored /gm)).toHaveLength(3);
    const again = await elsewhere.start(['run', 'p.yaml', '--track', 'none']).ended;
    expect(again.stdout).toContain('0 ran, 3 hit');
  });

  it('links a cached cell to the run that made it, and sends a run of hits as one run', async () => {
    const experiment = unique('moft/hits');
    const summed = project(pipeline(experiment));
    const env = { MLFLOW_TRACKING_URI: address };
    for (let turn = 0; turn < 2; turn++) await summed.start(['run', 'p.yaml'], { env }).ended;
    // Trackers may be at it still: their end is waited for.
    expect((await summed.start(['sync'], { env }).ended).code).toBe(0);
    const mlflow = client();
    const { id: there } = valueOf(await mlflow.experiment(experiment));
    const runs = valueOf(await mlflow.runs({ experiments: [there], orderBy: ['start_time ASC'] }));
    const parents = runs.filter(({ tags }) => tags['moft.role'] === 'run');
    expect(parents).toHaveLength(2);
    expect(runs).toHaveLength(5);
    const table = valueOf(
      await valueOf(mlflow.artifacts(parents[1]?.artifactUri ?? '')).get('tables/cells.json'),
    );
    const chunks: Uint8Array[] = [];
    if (table) for await (const chunk of table) chunks.push(chunk);
    const { data } = JSON.parse(Buffer.concat(chunks).toString()) as { data: (string | null)[][] };
    const cells = new Set(runs.filter(({ tags }) => tags['moft.role'] === 'cell').map(({ id }) => id));
    expect(data).toHaveLength(3);
    for (const row of data) expect(cells.has(row.at(-1) ?? '')).toBe(true);
  });

  it('is waited for by `sync` while another process sends it', async () => {
    const summed = project(pipeline(unique('moft/busy')));
    expect((await summed.start(['run', 'p.yaml', '--track', 'none']).ended).code).toBe(0);
    const store = await freshStore({}, join(summed.folder, '.moft'));
    const [run = ''] = store.runs.list();
    const sending = valueOf(store.leases.acquire(lockOf(run, address)));
    if (sending.kind !== 'lease') throw new Error('nobody else is sending yet');
    const sync = summed.start(['sync'], { env: { MLFLOW_TRACKING_URI: address } });
    await sync.until(({ stderr }) => stderr.includes(`another process is sending ${run}`));
    expect(sync.stdout).toBe('');
    sending.lease.release();
    const { code, stdout } = await sync.ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^${run}  ${address}/#/experiments/`));
  });

  it('that is killed is KILLED there, by the tracker that it left behind', async () => {
    const commander = new Commander();
    onTestFinished(() => commander.close());
    const experiment = unique('moft/killed');
    const cell = `{uses: test/step, with: {label: a, socket: ${commander.path}}}`;
    const stepped = project(`name: k\nexperiment: ${experiment}\nstages: {a: ${cell}}\n`);
    const run = stepped.start(['run', 'p.yaml', '--track', address]);
    const a = await commander.next('a');
    await a.tell('emit {"type":"metric","name":"loss","value":1.5,"step":1}');
    run.process.kill('SIGKILL');
    await run.ended;
    const mlflow = client();
    const { id } = valueOf(await mlflow.experiment(experiment));
    const read = async (): Promise<readonly string[]> =>
      valueOf(await mlflow.runs({ experiments: [id] })).map(({ name, status }) => `${name} ${status}`);
    await expect
      .poll(read, { timeout: 180_000, interval: 500 })
      .toEqual(expect.arrayContaining(['k KILLED', 'a KILLED']));
    const [killed] = valueOf(await mlflow.runs({ experiments: [id], filter: "tags.`moft.role` = 'cell'" }));
    expect(killed?.metrics.loss).toMatchObject({ value: 1.5, step: 1 });
  }, 240_000);

  it('shows no password, in no file of the store and no output', async () => {
    const commander = new Commander();
    onTestFinished(() => commander.close());
    const secret = 'hunter2secret';
    const text = `name: s\nexperiment: ${unique('moft/secret')}\nstages: {a: {uses: test/step, with: {label: a, socket: ${commander.path}}}}\n`;
    const stepped = project(text);
    const env = { MLFLOW_TRACKING_URI: address.replace('//', `//user:${secret}@`) };
    const run = stepped.start(['run', 'p.yaml'], { env });
    (await commander.next('a')).finish();
    const { stdout, stderr } = await run.ended;
    expect(stdout + stderr).not.toContain(secret);
    await stepped.start(['sync'], { env }).ended;
    const files = readdirSync(stepped.folder, { recursive: true, withFileTypes: true }).filter((one) =>
      one.isFile(),
    );
    expect(files.length).toBeGreaterThan(5);
    for (const { parentPath, name } of files)
      expect(readFileSync(join(parentPath, name), 'latin1')).not.toContain(secret);
  });
});

describe.skipIf(!programs)('moft mlflow', () => {
  it('starts a server, sends the runs of the store, and stops it', async () => {
    const summed = project(pipeline(unique('moft/local')));
    expect((await summed.run('run', 'p.yaml')).code).toBe(0);
    // A uvx that takes the release that is here already.
    const bin = join(summed.folder, 'bin');
    mkdirSync(bin);
    const said = join(summed.folder, 'uvx.log');
    const uvx = `#!/bin/sh\necho "$*" > ${said}; shift 3; exec ${programs?.mlflow ?? ''} "$@"\n`;
    writeFileSync(join(bin, 'uvx'), uvx, { mode: 0o755 });
    const env = { PATH: `${bin}:/usr/bin:/bin` };
    const started = await summed.start(['mlflow', '--port', '5713'], { env }).ended;
    expect(started).toMatchObject({ code: 0, stdout: 'http://127.0.0.1:5713\n' });
    expect(readFileSync(said, 'utf8')).toMatch(/^--from mlflow==\d+\.\d+\.\d+ mlflow server /);
    const listed = await summed.run('ls', '--mlflow');
    expect(listed.stdout).toContain('summed  FINISHED');
    // A run finds the server by itself.
    const force = ['run', 'p.yaml', '--force', 'two'];
    const next = await summed.start(force, { env: { TEST_FAREWELL: patient.TEST_FAREWELL } }).ended;
    expect(next.stderr).toContain('mlflow: http://127.0.0.1:5713/#/experiments/');
    expect((await summed.run('mlflow', '--stop')).stdout).toBe('stopped http://127.0.0.1:5713\n');
    expect((await summed.run('mlflow', '--stop')).stdout).toContain('no server');
  });
});
