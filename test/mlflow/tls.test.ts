/** The TLS variables of MLflow's Python client, against a server that really speaks TLS, with certificates of openssl. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { createServer, type Server } from 'node:https';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorOf, valueOf } from '../store/fixtures.js';
import { client, impatient } from './shared.js';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
if (!hasOpenssl) console.warn('SKIPPING the TLS variables: there is no openssl to make certificates with');

interface Certificates {
  /** Paths of PEM files. */
  readonly authority: string;
  readonly other: string;
  readonly server: string;
  readonly misnamed: string;
  /** Certificate and key in one file. */
  readonly client: string;
}

function makeCertificates(folder: string): Certificates {
  const at = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { stdio: 'pipe' });
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const authority = (name: string): string => {
    const files = ['-keyout', at(`${name}.key`), '-out', at(`${name}.pem`)];
    openssl('req', '-x509', ...key, ...files, '-days', '2', '-subj', `/CN=${name}`);
    return at(`${name}.pem`);
  };
  const signed = (name: string, names: string): string => {
    openssl('req', ...key, '-keyout', at(`${name}.key`), '-out', at(`${name}.csr`), '-subj', `/CN=${name}`);
    writeFileSync(at(`${name}.ext`), `subjectAltName=${names}\n`);
    const by = ['-CA', at('authority.pem'), '-CAkey', at('authority.key'), '-CAcreateserial'];
    const files = ['-in', at(`${name}.csr`), '-out', at(`${name}.crt`), '-extfile', at(`${name}.ext`)];
    openssl('x509', '-req', ...files, ...by, '-days', '2');
    const both = `${readFileSync(at(`${name}.crt`), 'utf8')}${readFileSync(at(`${name}.key`), 'utf8')}`;
    writeFileSync(at(`${name}.pem`), both);
    return at(`${name}.pem`);
  };
  return {
    authority: authority('authority'),
    other: authority('other'),
    server: signed('server', 'IP:127.0.0.1'),
    misnamed: signed('misnamed', 'DNS:mlflow.example'),
    client: signed('client', 'DNS:client.example'),
  };
}

describe.skipIf(!hasOpenssl)('a server behind TLS', () => {
  let made: Certificates;
  let folder = '';
  const servers: Server[] = [];
  /** Names of the clients that showed a certificate. */
  const seen: string[] = [];

  const listen = async (certificate: string, asks: boolean): Promise<string> => {
    const pem = readFileSync(certificate, 'utf8');
    const options = { cert: pem, key: pem, ca: readFileSync(made.authority), requestCert: asks };
    const server = createServer({ ...options, rejectUnauthorized: asks }, (request, response) => {
      const { socket } = request;
      const shown = socket instanceof TLSSocket ? socket.getPeerCertificate() : undefined;
      if (asks && shown) seen.push(String(shown.subject.CN));
      response.end('3.17.2');
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const bound = server.address();
    if (typeof bound !== 'object' || bound === null) throw new Error('no port');
    return `https://127.0.0.1:${bound.port}`;
  };
  let open = '';
  let strict = '';
  let misnamed = '';

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'moft-tls-'));
    made = makeCertificates(folder);
    open = await listen(made.server, false);
    strict = await listen(made.server, true);
    misnamed = await listen(made.misnamed, false);
  });
  afterAll(() => {
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
    rmSync(folder, { recursive: true, force: true });
  });

  const ask = (address: string, env: Record<string, string>) =>
    client(address, { env, patience: impatient }).version();
  const ca = (): Record<string, string> => ({ MLFLOW_TRACKING_SERVER_CERT_PATH: made.authority });

  it('is trusted by its authority, and by nobody else', async () => {
    expect(valueOf(await ask(open, ca()))).toBe('3.17.2');
    for (const env of [{}, { MLFLOW_TRACKING_SERVER_CERT_PATH: made.other }]) {
      const refused = errorOf(await ask(open, env as Record<string, string>));
      expect(refused).toMatchObject({ kind: 'unsupported', passing: false });
      expect(refused.hint).toContain('MLFLOW_TRACKING_SERVER_CERT_PATH');
    }
  });

  it('of another name is not the one that was meant', async () => {
    const refused = errorOf(await ask(misnamed, ca()));
    expect(refused).toMatchObject({ kind: 'unsupported', passing: false });
    expect(refused.message).toContain('127.0.0.1');
  });

  it('is taken as it is where that was said', async () => {
    const insecure = { MLFLOW_TRACKING_INSECURE_TLS: 'true' };
    for (const address of [open, misnamed]) expect(valueOf(await ask(address, insecure))).toBe('3.17.2');
  });

  it('that asks for a certificate gets ours, and refuses who has none', async () => {
    const own = { ...ca(), MLFLOW_TRACKING_CLIENT_CERT_PATH: made.client };
    expect(valueOf(await ask(strict, own))).toBe('3.17.2');
    expect(seen).toEqual(['client']);
    const refused = errorOf(await ask(strict, ca()));
    expect(refused.hint).toContain('MLFLOW_TRACKING_CLIENT_CERT_PATH');
  });
});
