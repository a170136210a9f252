/**
 * A shared cache behind HTTP, at the paths of Bazel's remote cache: GET and PUT of `/ac/<key>` and `/cas/<digest>`,
 * so that a plain web server with WebDAV serves. No redirect is followed, so no credential goes elsewhere, and
 * nothing is decompressed: the bytes are those that were put.
 */
import fs from 'node:fs';
import { request, type Dispatcher } from 'undici';
import { err, ok, type Result } from '../../../schemas/result.js';
import { checked } from './folder.js';
import { recordLimit, type Remote, type RemoteProblem } from './types.js';

export interface HttpOptions {
  /** Without credentials, query or fragment. */
  readonly url: string;
  /** The value of an `Authorization` header. */
  readonly authorization?: string;
  /** Milliseconds without an answer, and between two pieces of one. */
  readonly timeout: number;
}

type Answer = Result<Dispatcher.ResponseData<unknown>, RemoteProblem>;
type RequestOptions = NonNullable<Parameters<typeof request>[1]>;

export function httpRemote(options: HttpOptions): Remote {
  const base = options.url.replace(/\/+$/, '');
  const ask = (at: string, how: RequestOptions): Promise<Answer> => send(`${base}/${at}`, how, options);
  return {
    name: base,
    record: async (key) => {
      const answer = await ask(`ac/${checked(key)}`, { method: 'GET' });
      return answer.ok ? read(answer.value, base, (body) => gather(body, recordLimit + 1)) : answer;
    },
    blob: async (digest, signal) => {
      const how: RequestOptions = { method: 'GET', ...(signal ? { signal } : {}) };
      const answer = await ask(`cas/${checked(digest)}`, how);
      return answer.ok ? read(answer.value, base, (body) => Promise.resolve(body)) : answer;
    },
    has: async (digest) => {
      const answer = await ask(`cas/${checked(digest)}`, { method: 'HEAD' });
      if (!answer.ok) return answer;
      const found = await read(answer.value, base, async (body) => {
        await body.dump();
        return true;
      });
      return found.ok ? ok(found.value === true) : found;
    },
    putBlob: (digest, file, bytes) =>
      put(ask, `cas/${checked(digest)}`, { base, bytes, body: () => fs.createReadStream(file) }),
    putRecord: (key, content) =>
      put(ask, `ac/${checked(key)}`, { base, bytes: content.length, body: () => content }),
  };
}

async function put(
  ask: (at: string, how: RequestOptions) => Promise<Answer>,
  at: string,
  { base, bytes, body }: { base: string; bytes: number; body: () => Buffer | fs.ReadStream },
): Promise<Result<void, RemoteProblem>> {
  const answer = await ask(at, { method: 'PUT', body: body(), headers: { 'content-length': String(bytes) } });
  if (!answer.ok) return answer;
  await answer.value.body.dump();
  const { statusCode } = answer.value;
  return statusCode >= 200 && statusCode < 300 ? ok(undefined) : err(refused(statusCode, base));
}

async function send(
  url: string,
  how: RequestOptions,
  { authorization, timeout }: HttpOptions,
): Promise<Answer> {
  const headers = {
    'accept-encoding': 'identity',
    ...(authorization === undefined ? {} : { authorization }),
    ...(how.headers as Record<string, string> | undefined),
  };
  try {
    return ok(await request(url, { ...how, headers, headersTimeout: timeout, bodyTimeout: timeout }));
  } catch (error) {
    return err(asProblem(error, url));
  }
}

/** What a reader makes of the body; undefined where there is none. */
async function read<T>(
  { statusCode, headers, body }: Dispatcher.ResponseData<unknown>,
  base: string,
  use: (body: Dispatcher.ResponseData<unknown>['body']) => Promise<T>,
): Promise<Result<T | undefined, RemoteProblem>> {
  const encoding = headers['content-encoding'];
  const plain = encoding === undefined || encoding === 'identity';
  if (statusCode === 200 && plain) {
    try {
      return ok(await use(body));
    } catch (error) {
      return err(asProblem(error, base));
    }
  }
  await body.dump().catch(() => undefined);
  if (statusCode === 404) return ok(undefined);
  if (statusCode === 200)
    return err({ code: 'refused', message: `${base} sends ${String(encoding)} instead of the plain bytes` });
  return err(refused(statusCode, base));
}

/** At most so many bytes: one more than is allowed is enough to be refused. */
async function gather(body: AsyncIterable<Uint8Array>, most: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= most) break;
  }
  return Buffer.concat(chunks);
}

function refused(status: number, base: string): RemoteProblem {
  const message = `${base} answers with status ${status}`;
  if (status === 401 || status === 403)
    return { code: 'refused', message, hint: 'give credentials: `token:` or `login:` in moft.yaml' };
  if (status >= 300 && status < 400)
    return { code: 'refused', message, hint: 'redirects are not followed: write the final address' };
  return { code: 'refused', message };
}

const timeouts = ['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT'];

/** What undici, a socket or the disk of a shared folder throws; anything without a code is ours. */
export function asProblem(error: unknown, place: string): RemoteProblem {
  const { code, message } = error as { code?: unknown; message?: string };
  if (typeof code !== 'string') throw error;
  const origin = /^https?:/.test(place) ? new URL(place).origin : `the shared cache ${place}`;
  return timeouts.includes(code)
    ? { code: 'timeout', message: `${origin} did not answer in time (${code})` }
    : {
        code: 'unreachable',
        message: `${origin} can't be reached: ${message === undefined || message === '' ? code : message}`,
      };
}
