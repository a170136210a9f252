/** Where the server is and how to speak to it: `MLFLOW_*` variables, as MLflow's own Python client reads them. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { err, ok, type Result } from '../../../schemas/result.js';
import { withoutLogin } from '../../login.js';
import { problem, type MlflowProblem } from './problem.js';

export type Variables = Readonly<Record<string, string | undefined>>;

export interface MlflowSettings {
  /** `http://host:5000/prefix`, without credentials, query, fragment or a slash at the end. */
  readonly address: string;
  /** Headers of every call. Hold credentials: shown to nobody, which `toJSON` sees to. */
  readonly headers: SecretHeaders;
  readonly tls: {
    /** Certificates of authorities, PEM. */
    readonly ca?: string;
    /** Certificate and key of this client, PEM. */
    readonly certificate?: string;
    readonly insecure: boolean;
  };
  /** Milliseconds without an answer. */
  readonly timeout: number;
}

/** Headers that no log, error or journal can show by accident. */
export class SecretHeaders {
  readonly #values: Readonly<Record<string, string>>;
  constructor(values: Readonly<Record<string, string>>) {
    this.#values = values;
  }
  reveal(): Readonly<Record<string, string>> {
    return this.#values;
  }
  toJSON(): string {
    return '(hidden)';
  }
}

const invalid = (message: string, hint?: string): Result<never, MlflowProblem> =>
  err(problem('invalid', message, { hint }));

const isTrue = (text: string | undefined): boolean => ['true', '1'].includes((text ?? '').toLowerCase());
const given = (text: string | undefined): string | undefined => (text === '' ? undefined : text);

interface Address {
  readonly address: string;
  readonly user?: string;
  readonly password?: string;
}

/** An address without the credentials that it may hold. */
export function readAddress(uri: string): Result<Address, MlflowProblem> {
  if (!/^https?:\/\//.test(uri) || !URL.canParse(uri))
    return invalid(
      `${JSON.stringify(withoutLogin(uri))} is no address of an MLflow server`,
      'write `http://host:port`; `moft mlflow` starts a server on this machine',
    );
  const { origin, pathname, username, password } = new URL(uri);
  const address = `${origin}${pathname.replace(/\/+$/, '')}`;
  return ok(
    username === ''
      ? { address }
      : { address, user: decodeURIComponent(username), password: decodeURIComponent(password) },
  );
}

/**
 * Settings for an address. Errors: no address of a server, a certificate that can't be read, contradictions.
 *
 * ```ts
 * const settings = readSettings('http://127.0.0.1:5000', process.env);
 * ```
 */
export function readSettings(uri: string, env: Variables): Result<MlflowSettings, MlflowProblem> {
  const address = readAddress(uri);
  if (!address.ok) return address;
  const tls = readTls(env);
  if (!tls.ok) return tls;
  const authorization = authorizationOf(address.value, env);
  const workspace = given(env.MLFLOW_WORKSPACE);
  const seconds = Number(env.MLFLOW_HTTP_REQUEST_TIMEOUT);
  return ok({
    address: address.value.address,
    headers: new SecretHeaders({
      ...(authorization === undefined ? {} : { authorization }),
      ...(workspace === undefined ? {} : { 'x-mlflow-workspace': workspace }),
    }),
    tls: tls.value,
    timeout: seconds > 0 ? seconds * 1000 : 120_000,
  });
}

/** Basic wins over a bearer token; what the address holds wins over the file `~/.mlflow/credentials`. */
function authorizationOf(address: Address, env: Variables): string | undefined {
  const file = readCredentials(env);
  const user = given(env.MLFLOW_TRACKING_USERNAME) ?? address.user ?? file.user;
  const password = given(env.MLFLOW_TRACKING_PASSWORD) ?? address.password ?? file.password;
  if (user !== undefined && password !== undefined)
    return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const token = given(env.MLFLOW_TRACKING_TOKEN);
  return token === undefined ? undefined : `Bearer ${token}`;
}

/** The section `[mlflow]` of `~/.mlflow/credentials`. */
function readCredentials(env: Variables): { readonly user?: string; readonly password?: string } {
  const text = readIfThere(path.join(given(env.HOME) ?? homedir(), '.mlflow', 'credentials'));
  const section = /^\[mlflow\]\s*$([^]*?)(?=^\[|(?![^]))/m.exec(text ?? '')?.[1] ?? '';
  const value = (name: string): string | undefined =>
    new RegExp(`^\\s*${name}\\s*[=:]\\s*(.*?)\\s*$`, 'mi').exec(section)?.[1];
  const user = value('mlflow_tracking_username');
  const password = value('mlflow_tracking_password');
  return {
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
  };
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function readTls(env: Variables): Result<MlflowSettings['tls'], MlflowProblem> {
  const insecure = isTrue(env.MLFLOW_TRACKING_INSECURE_TLS);
  const ca = readCertificate('MLFLOW_TRACKING_SERVER_CERT_PATH', env);
  if (!ca.ok) return ca;
  if (insecure && ca.value !== undefined)
    return invalid(
      'MLFLOW_TRACKING_INSECURE_TLS and MLFLOW_TRACKING_SERVER_CERT_PATH are both set',
      'unset one of them',
    );
  const certificate = readCertificate('MLFLOW_TRACKING_CLIENT_CERT_PATH', env);
  if (!certificate.ok) return certificate;
  return ok({
    ...(ca.value === undefined ? {} : { ca: ca.value }),
    ...(certificate.value === undefined ? {} : { certificate: certificate.value }),
    insecure,
  });
}

function readCertificate(name: string, env: Variables): Result<string | undefined, MlflowProblem> {
  const file = given(env[name]);
  if (file === undefined) return ok(undefined);
  const text = readIfThere(file);
  return text?.includes('-----BEGIN') === true
    ? ok(text)
    : invalid(`${name} names ${file}, which holds no certificate in PEM`);
}
