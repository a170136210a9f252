/**
 * HTTP to one server, on undici, which is loaded with the first call. Sockets are given up before the server closes
 * them (after 5 s, without notice); bodies are texts or buffers of a known length, since the server answers a chunked
 * JSON body with a page of HTML.
 */
import type { Readable } from 'node:stream';
import type { Dispatcher, request as requestOf } from 'undici';
import { err, ok, type Result } from '../../../schemas/result.js';
import { gateOf, type Gate } from './gate.js';
import { answerProblem, networkProblem, problem, type MlflowProblem } from './problem.js';
import { retrying, usualPatience, type Patience } from './retry.js';
import type { MlflowSettings } from './settings.js';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface Call {
  readonly method: Method;
  /** Below the server's address, beginning with `/`, already encoded. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  /** Whether doing it twice is the same as doing it once. Default true. */
  readonly repeatable?: boolean;
}

/** A body that can be opened again for the next try. */
export interface Upload {
  readonly bytes: number;
  readonly open: () => Readable | Buffer;
}

export interface TransportOptions {
  readonly patience?: Patience;
  readonly signal?: AbortSignal;
}

const idle = 4_000;
const connectTimeout = 10_000;

type Answer = Dispatcher.ResponseData<unknown>;

export class Transport {
  /** Without credentials. */
  readonly address: string;
  readonly #settings: MlflowSettings;
  readonly #options: TransportOptions;
  readonly #gate: Gate;
  #undici: Promise<{ agent: Dispatcher; request: typeof requestOf }> | undefined;

  constructor(settings: MlflowSettings, options: TransportOptions = {}) {
    this.address = settings.address;
    this.#settings = settings;
    this.#options = options;
    this.#gate = gateOf(settings.address);
  }

  /** Calls and reads the answer's JSON; retries what may pass. */
  json<T>(call: Call): Promise<Result<T, MlflowProblem>> {
    const text = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body));
    return this.#retrying(call.repeatable ?? true, async () => {
      const answer = await this.#text(call, text);
      return answer.ok ? parse<T>(answer.value, whatOf(call, this.address)) : answer;
    });
  }

  /** Calls and reads the answer as text. */
  text(call: Call): Promise<Result<string, MlflowProblem>> {
    return this.#retrying(call.repeatable ?? true, () => this.#text(call, undefined));
  }

  /** Puts bytes under a path; done twice it is the same. */
  upload(path: string, { bytes, open }: Upload): Promise<Result<void, MlflowProblem>> {
    const call: Call = { method: 'PUT', path };
    return this.#retrying(true, async () => {
      const headers = { 'content-type': 'application/octet-stream', 'content-length': String(bytes) };
      const answer = await this.#gate.pass(() => this.#exchange(call, { headers, body: open() }, readText));
      return answer.ok ? ok(undefined) : answer;
    });
  }

  /** The bytes under a path as they come; undefined where there are none. What goes wrong meanwhile the stream throws. */
  download(path: string): Promise<Result<AsyncIterable<Uint8Array> | undefined, MlflowProblem>> {
    return this.#retrying<AsyncIterable<Uint8Array> | undefined>(true, async () => {
      const opened = await this.#exchange({ method: 'GET', path }, {}, (answer) =>
        Promise.resolve(answer.body),
      );
      return opened.ok || opened.error.kind !== 'missing' ? opened : ok(undefined);
    });
  }

  async close(): Promise<void> {
    const undici = await this.#undici;
    this.#undici = undefined;
    await undici?.agent.destroy();
  }

  #retrying<T>(
    repeatable: boolean,
    work: () => Promise<Result<T, MlflowProblem>>,
  ): Promise<Result<T, MlflowProblem>> {
    const { patience = usualPatience, signal } = this.#options;
    return retrying({ patience, repeatable, signal }, work);
  }

  #text(call: Call, text: Buffer | undefined): Promise<Result<string, MlflowProblem>> {
    const headers = text ? { 'content-type': 'application/json', 'content-length': String(text.length) } : {};
    return this.#gate.pass(() =>
      this.#exchange(call, { headers, ...(text ? { body: text } : {}) }, readText),
    );
  }

  async #exchange<T>(
    call: Call,
    { headers, body }: { headers?: Record<string, string>; body?: Readable | Buffer },
    use: (answer: Answer) => Promise<T>,
  ): Promise<Result<T, MlflowProblem>> {
    const { headers: secret, timeout, address } = this.#settings;
    const { origin } = new URL(address);
    if (this.#options.signal?.aborted === true)
      return err(problem('aborted', `the call to ${origin} was given up`));
    try {
      const { agent, request } = await (this.#undici ??= this.#load());
      const answer = await request(`${address}${call.path}${queryOf(call)}`, {
        method: call.method,
        dispatcher: agent,
        headers: { 'accept-encoding': 'identity', ...secret.reveal(), ...headers },
        headersTimeout: timeout,
        bodyTimeout: timeout,
        ...(this.#options.signal ? { signal: this.#options.signal } : {}),
        ...(body === undefined ? {} : { body }),
      });
      const { statusCode: status } = answer;
      if (status >= 200 && status < 300) return ok(await use(answer));
      return err(answerProblem({ status, body: await readText(answer), what: whatOf(call, origin) }));
    } catch (error) {
      return err(networkProblem(error, origin));
    }
  }

  async #load(): Promise<{ agent: Dispatcher; request: typeof requestOf }> {
    const { Agent, request } = await import('undici');
    const { ca, certificate, insecure } = this.#settings.tls;
    const agent = new Agent({
      keepAliveTimeout: idle,
      keepAliveMaxTimeout: idle,
      connect: {
        timeout: connectTimeout,
        rejectUnauthorized: !insecure,
        ...(ca === undefined ? {} : { ca }),
        ...(certificate === undefined ? {} : { cert: certificate, key: certificate }),
      },
    });
    return { agent, request };
  }
}

const readText = ({ body }: Answer): Promise<string> => body.text();

const whatOf = ({ method, path }: Call, place: string): string => `${method} ${path} at ${place}`;

function queryOf({ query = {} }: Call): string {
  const pairs = Object.entries(query).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  );
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs).toString()}`;
}

function parse<T>(text: string, what: string): Result<T, MlflowProblem> {
  try {
    return ok(JSON.parse(text === '' ? '{}' : text) as T);
  } catch {
    return err(
      problem('unsupported', `${what} answers with something other than JSON`, {
        hint: 'is this the address of an MLflow server?',
      }),
    );
  }
}
