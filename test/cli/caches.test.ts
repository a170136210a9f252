/** Results that go from one project to another: through a folder, and through a real nginx with WebDAV and a password. */
import { spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Project, type Ended } from './moft.js';

const sums = `
name: sums
stages:
  one:
    uses: test/sum
    matrix: {value: [1, 2]}
    with: {value: $matrix.value}
  all:
    uses: test/sum
    with: {value: 3, numbers: $one(value=*).sum}
`;

function project(): Project {
  const made = new Project(sums);
  onTestFinished(() => made.close());
  return made;
}

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'moft-cache-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

const counts = ({ stdout }: Ended): unknown =>
  (JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { counts: unknown }).counts;

/** Makes the signing key of a project's home, and the line that others write. */
async function makeKey(of: Project): Promise<string> {
  const made = await of.run('push', '--make-key');
  expect(made).toMatchObject({ code: 0, stderr: '' });
  return /trust: .*/.exec(made.stdout)?.[0] ?? '';
}

describe('a shared folder', () => {
  it('spares a second project the work', async () => {
    const [mine, yours, cache] = [project(), project(), folder()];
    const trust = await makeKey(mine);
    mine.write('moft.yaml', `caches:\n  - folder: ${cache}\n    push: true\n`);
    yours.write('moft.yaml', `caches:\n  - folder: ${cache}\n    ${trust}\n`);
    await mine.run('run', 'p.yaml');
    const pushed = await mine.run('push');
    expect(pushed).toMatchObject({ code: 0, stderr: '' });
    expect(pushed.stdout).toContain('3 results');
    expect(readdirSync(join(cache, 'ac'))).toHaveLength(3);
    expect(counts(await yours.run('run', 'p.yaml', '--json'))).toEqual({
      ran: 0,
      hit: 3,
      failed: 0,
      skipped: 0,
    });
    const of = (one: Project): Promise<{ artifacts: { digest: string }[] }> => one.json('show', 'all');
    expect((await of(yours)).artifacts[0]?.digest).toBe((await of(mine)).artifacts[0]?.digest);
  });

  it('whose server hangs in the middle of a result holds up nobody who presses Ctrl-C', async () => {
    const [mine, yours, cache] = [project(), project(), folder()];
    const trust = await makeKey(mine);
    mine.write('moft.yaml', `caches: [{folder: ${cache}, push: true}]\n`);
    await mine.run('run', 'p.yaml');
    // What is before it runs here, so that it is looked for in the middle of the run.
    expect(await mine.run('push', 'all')).toMatchObject({ code: 0 });
    let asked = (): void => undefined;
    const hangs = new Promise<void>((resolve) => (asked = resolve));
    const server = createHttpServer(({ url = '' }, response) => {
      const file = join(cache, url);
      if (url.startsWith('/cas/')) {
        response.writeHead(200).flushHeaders();
        asked();
      } else response.writeHead(existsSync(file) ? 200 : 404).end(existsSync(file) ? readFileSync(file) : '');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    yours.write('moft.yaml', `caches: [{url: '${url}', insecure: true, timeout: 10m, ${trust}}]\n`);
    const run = yours.start(['run', 'p.yaml', '--json']);
    await hangs;
    run.process.kill('SIGINT');
    const ended = await run.ended;
    expect({ code: ended.code, counts: counts(ended) }).toMatchObject({
      code: 130,
      counts: { ran: 2, skipped: 1 },
    });
  });

  it('is pulled from without running anything', async () => {
    const [mine, yours, cache] = [project(), project(), folder()];
    const trust = await makeKey(mine);
    mine.write('moft.yaml', `caches: [{folder: ${cache}, push: true}]\n`);
    yours.write('moft.yaml', `caches: [{folder: ${cache}, ${trust}}]\n`);
    await mine.run('run', 'p.yaml');
    await mine.run('push', 'one');
    // A plan says what a run would fetch, and fetches nothing.
    const planned = await yours.json<{ counts: unknown; cells: { shared?: string }[] }>('plan', 'p.yaml');
    expect(planned.counts).toMatchObject({ hit: 2 });
    expect(planned.cells.map(({ shared }) => shared)).toEqual([cache, cache, undefined]);
    expect((await yours.run('plan', 'p.yaml', '--cells')).stdout).toContain(`from the shared cache ${cache}`);
    expect(existsSync(join(yours.folder, '.moft'))).toBe(false);
    expect(await yours.json('pull', 'p.yaml')).toEqual({ pulled: 2, here: 0, missing: 1 });
    expect(await yours.json('plan', 'p.yaml')).toMatchObject({ counts: { hit: 2 } });
  });

  it('of somebody who is not trusted changes nothing, and says why', async () => {
    const [mine, yours, cache] = [project(), project(), folder()];
    await makeKey(mine);
    mine.write('moft.yaml', `caches: [{folder: ${cache}, push: true}]\n`);
    yours.write('moft.yaml', `caches: [{folder: ${cache}}]\n`);
    await mine.run('run', 'p.yaml');
    await mine.run('push');
    const run = await yours.run('run', 'p.yaml', '--json');
    expect(counts(run)).toEqual({ ran: 3, hit: 0, failed: 0, skipped: 0 });
    expect(run.stderr).toContain('is not trusted');
    expect(run.stderr).toContain('`trust:` in moft.yaml');
  });
});

describe('the signing key', () => {
  it('is its owner’s alone, and is never replaced', async () => {
    const mine = project();
    const trust = await makeKey(mine);
    const file = join(mine.folder, '.config/moft/signing-key.pem');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await makeKey(mine)).toBe(trust);
    writeFileSync(file, 'spoilt');
    const spoilt = await mine.run('push', '--make-key');
    expect(spoilt).toMatchObject({ code: 2 });
    expect(readFileSync(file, 'utf8')).toBe('spoilt');
  });

  it('is asked for where there is none', async () => {
    const mine = project();
    expect(await mine.run('push')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('moft push --make-key') as string,
    });
  });
});

describe('moft.yaml', () => {
  it('with mistakes stops a run, with the place of each', async () => {
    const mine = project();
    mine.write(
      'moft.yaml',
      'caches:\n  - url: http://cache.example\n  - folder: a\n    url: https://b\n  - url: https://u:p@c\n  - folder: d\n    trust: [abc]\n    pusch: true\n',
    );
    const { code, stderr } = await mine.run('run', 'p.yaml');
    expect(code).toBe(2);
    for (const [place, text] of [
      ['moft.yaml:2:5', 'plain http'],
      ['moft.yaml:3:5', 'one of them'],
      ['moft.yaml:5:5', 'holds a password'],
      ['moft.yaml:7:13', '44 characters'],
      ['moft.yaml:8:5', '`push`'],
    ] as const) {
      expect(stderr).toContain(place);
      expect(stderr).toContain(text);
    }
    expect(stderr).toContain('5 errors');
    expect(existsSync(join(mine.folder, '.moft/records'))).toBe(false);
  });

  it('with an address that is none shows nothing of its password', async () => {
    const mine = project();
    const address = 'http://me:pa/hunter2@host:5000';
    mine.write('moft.yaml', `mlflow: {uri: '${address}'}\ncaches: [{url: '${address}'}]\n`);
    const { code, stdout, stderr } = await mine.run('run', 'p.yaml');
    expect(code).toBe(2);
    for (const text of ['`uri` takes an address', '`url` takes an address', 'http://host:5000'])
      expect(stderr).toContain(text);
    expect(stdout + stderr).not.toContain('hunter2');
  });
});

const hasNginx = spawnSync('nginx', ['-v']).status === 0;
if (!hasNginx)
  console.warn('SKIPPED: the shared cache on a real nginx; install nginx (apt-get install nginx-light)');

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** nginx as Debian builds it, serving a folder that is written through WebDAV with a password. */
async function startNginx(root: string): Promise<string> {
  const port = await freePort();
  mkdirSync(join(root, 'www'), { mode: 0o777 });
  writeFileSync(join(root, 'users'), 'team:{PLAIN}sesame\n');
  writeFileSync(
    join(root, 'nginx.conf'),
    `daemon off; pid ${root}/pid; error_log ${root}/error.log; worker_processes 1;
${process.getuid?.() === 0 ? 'user root;' : ''}
events {}
http {
  access_log off; client_body_temp_path ${root}/body; proxy_temp_path ${root}/t1; fastcgi_temp_path ${root}/t2;
  uwsgi_temp_path ${root}/t3; scgi_temp_path ${root}/t4;
  server {
    listen 127.0.0.1:${port}; root ${root}/www; client_max_body_size 0;
    location / { auth_basic cache; auth_basic_user_file ${root}/users; dav_methods PUT; create_full_put_path on; }
  }
}\n`,
  );
  const nginx = spawn('nginx', ['-p', root, '-c', join(root, 'nginx.conf')], { stdio: 'ignore' });
  onTestFinished(() => void nginx.kill('SIGKILL'));
  const url = `http://127.0.0.1:${port}`;
  for (;;) {
    if (nginx.exitCode !== null) throw new Error(readFileSync(join(root, 'error.log'), 'utf8'));
    const answer = await fetch(url).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer) return url;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe.runIf(hasNginx)('a shared cache on nginx', () => {
  it('takes and gives results, with the password in a variable', async () => {
    const [mine, yours] = [project(), project()];
    const url = await startNginx(folder());
    const trust = await makeKey(mine);
    mine.write('moft.yaml', `caches: [{url: "${url}", insecure: true, push: true, login: CACHE_LOGIN}]\n`);
    yours.write('moft.yaml', `caches: [{url: "${url}", insecure: true, login: CACHE_LOGIN, ${trust}}]\n`);
    const env = { CACHE_LOGIN: 'team:sesame' };
    await mine.start(['run', 'p.yaml'], { env }).ended;
    const pushed = await mine.start(['push'], { env }).ended;
    expect(pushed).toMatchObject({ code: 0, stderr: '' });
    const run = await yours.start(['run', 'p.yaml', '--json'], { env }).ended;
    expect(run.stderr).toBe('');
    expect(counts(run)).toEqual({ ran: 0, hit: 3, failed: 0, skipped: 0 });
  });

  it('with a wrong password is said once and given up, and the run goes on by itself', async () => {
    const mine = project();
    const url = await startNginx(folder());
    mine.write('moft.yaml', `caches: [{url: "${url}", insecure: true, login: CACHE_LOGIN}]\n`);
    const run = await mine.start(['run', 'p.yaml', '--json'], { env: { CACHE_LOGIN: 'team:wrong' } }).ended;
    expect(run.code).toBe(0);
    expect(counts(run)).toEqual({ ran: 3, hit: 0, failed: 0, skipped: 0 });
    expect(run.stderr).toContain('status 401');
    expect(run.stderr).toContain('not asked any more');
    expect(run.stderr).not.toContain('wrong');
  });
});
