import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { textUpload } from '../../runner/track/mlflow/index.js';
import { errorOf, valueOf } from '../store/fixtures.js';
import { MlflowServer, programs } from './server.js';
import { client, impatient, now, unique } from './shared.js';

const password = 'correct horse 1!';

describe.skipIf(!programs)('a server with a login that serves no artifacts', () => {
  let server: MlflowServer | undefined;
  const address = (): string => server?.address ?? '';

  beforeAll(async () => {
    server = await MlflowServer.start({
      args: ['--app-name', 'basic-auth', '--no-serve-artifacts'],
      env: { MLFLOW_FLASK_SERVER_SECRET_KEY: 'x'.repeat(32), MLFLOW_AUTH_ADMIN_PASSWORD: password },
    });
    await server.ready();
  });
  afterAll(() => server?.close());

  const admin = { MLFLOW_TRACKING_USERNAME: 'admin', MLFLOW_TRACKING_PASSWORD: password };

  it('is open to health, and closed to everything else without a login, with a wrong one, and with a token', async () => {
    const nobody = client(address(), { patience: impatient });
    valueOf(await nobody.health());
    for (const env of [
      {},
      { ...admin, MLFLOW_TRACKING_PASSWORD: 'wrong' },
      { MLFLOW_TRACKING_TOKEN: password },
    ]) {
      const refused = errorOf(await client(address(), { env, patience: impatient }).experiment('x'));
      expect(refused).toMatchObject({ kind: 'unauthorized', status: 401, passing: false });
      expect(JSON.stringify(refused)).not.toContain(password);
    }
  });

  it('takes everything with the login, on every call', async () => {
    const mlflow = client(address(), { env: admin });
    const { id: experiment } = valueOf(await mlflow.experiment(unique('auth')));
    const run = valueOf(await mlflow.run({ experiment, name: 'r', start: now, clientKey: unique('k') }));
    valueOf(await mlflow.log(run.id, { params: { a: '1' } }));
    expect(valueOf(await mlflow.runOf(run.id))?.params).toEqual({ a: '1' });
  });

  it('has artifacts in a folder, which the client on its machine writes itself', async () => {
    const mlflow = client(address(), { env: admin });
    const { id: experiment } = valueOf(await mlflow.experiment(unique('files')));
    const run = valueOf(await mlflow.run({ experiment, name: 'r', start: now, clientKey: unique('k') }));
    expect(run.artifactUri).not.toContain('mlflow-artifacts');
    const folder = valueOf(mlflow.artifacts(run.artifactUri));
    valueOf(await folder.put('outputs/a b.txt', textUpload('é')));
    const file = join(server?.folder ?? '', 'artifacts', experiment, run.id, 'artifacts/outputs/a b.txt');
    expect(readFileSync(file, 'utf8')).toBe('é');
    expect(valueOf(await folder.list('outputs'))).toEqual([
      { path: 'outputs/a b.txt', folder: false, bytes: 2 },
    ]);
    expect(readdirSync(join(file, '..'))).toEqual(['a b.txt']);
    valueOf(await folder.remove('outputs/a b.txt'));
    expect(existsSync(file)).toBe(false);
    expect(valueOf(await folder.get('outputs/a b.txt'))).toBeUndefined();
  });

  it('says what to do about artifacts that it does not pass on, and about those in a bucket', async () => {
    const mlflow = client(address(), { env: admin, patience: impatient });
    const proxied = valueOf(mlflow.artifacts('mlflow-artifacts:/1/abc/artifacts'));
    expect(errorOf(await proxied.put('x', textUpload('')))).toMatchObject({
      kind: 'unsupported',
      status: 503,
    });
    const bucket = errorOf(mlflow.artifacts('s3://bucket/1/abc/artifacts'));
    expect(bucket.kind).toBe('unsupported');
    expect(bucket.hint).toContain('--artifacts-destination s3://bucket');
  });
});
