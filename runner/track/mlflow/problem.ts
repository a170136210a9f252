/** What an MLflow server, the way to it, or a value that it would spoil can do to a call. */

export type ProblemKind =
  /** No connection, or one that was closed before the answer came. */
  | 'unreachable'
  | 'timeout'
  /** The server has too much to do, or is starting: 408, 429, 5xx, and what SQLite says under load. */
  | 'busy'
  | 'unauthorized'
  | 'forbidden'
  | 'missing'
  | 'exists'
  /** The server understood and says no. */
  | 'rejected'
  /** Refused here: the server would answer 200 and store something else. */
  | 'invalid'
  /** An address, a scheme or a call that this client or this server doesn't have. */
  | 'unsupported'
  /** What came isn't what was put there. */
  | 'damaged'
  /** A disk of this machine. */
  | 'local'
  | 'aborted';

export interface MlflowProblem {
  readonly kind: ProblemKind;
  /** Never holds a credential. */
  readonly message: string;
  /** The next thing to do. */
  readonly hint?: string;
  /** HTTP status, where there was an answer. */
  readonly status?: number;
  /** The server's `error_code`, such as RESOURCE_DOES_NOT_EXIST. */
  readonly code?: string;
  /** Whether the same call may pass later. */
  readonly passing: boolean;
  /** Whether the server may have done it although no answer says so. */
  readonly unknown: boolean;
}

interface More {
  readonly hint?: string | undefined;
  readonly status?: number;
  readonly code?: string | undefined;
  readonly unknown?: boolean;
}

const passingKinds: ReadonlySet<ProblemKind> = new Set(['unreachable', 'timeout', 'busy']);

export function problem(
  kind: ProblemKind,
  message: string,
  { hint, status, code, unknown = false }: More = {},
): MlflowProblem {
  return {
    kind,
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(status === undefined ? {} : { status }),
    ...(code === undefined ? {} : { code }),
    passing: passingKinds.has(kind),
    unknown,
  };
}

/** `message; hint`, for one line. */
export const wordsOf = ({ message, hint }: Pick<MlflowProblem, 'message' | 'hint'>): string =>
  hint === undefined ? message : `${message}; ${hint}`;

interface Body {
  readonly code?: string;
  readonly text: string;
}

/** Errors come as JSON, as text, or as a page of HTML. */
function readBody(body: string): Body {
  try {
    const { error_code: code, message, detail } = JSON.parse(body) as Readonly<Record<string, unknown>>;
    const text = message ?? detail;
    if (typeof text === 'string') return typeof code === 'string' ? { code, text } : { text };
  } catch {
    // not JSON
  }
  const text = body
    .replace(/<(title|style|script)[^]*?<\/\1>/gi, ' ')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return { text };
}

/** SQLite and its pool under load, told as a fault of the request. */
const overloaded =
  /QueuePool limit|database is locked|database table is locked|connection timed out, timeout/i;
/** The same row again: what was to be done is done. */
const alreadyThere = /UNIQUE constraint failed|duplicate key value|constraint violation|Duplicate entry/i;
const stackTrace = /\s*(?:\(Background on this error|\[SQL:|Traceback \(most recent)[^]*/;

const shortened = (text: string): string => {
  const line = text.replace(stackTrace, '').replace(/\s+/g, ' ').trim();
  return line.length <= 300 ? line : `${line.slice(0, 300)}...`;
};

interface Answered {
  readonly status: number;
  readonly body: string;
  /** `POST runs/create at http://host:5000`. */
  readonly what: string;
}

/** An answer that is no success, as a problem. */
export function answerProblem({ status, body, what }: Answered): MlflowProblem {
  const { code, text } = readBody(body);
  const { kind, hint } = kindOf(status, code, text);
  const told = shortened(text);
  const named = code === undefined ? `status ${status}` : `${status} ${code}`;
  return problem(kind, `${what}: ${named}${told === '' ? '' : `: ${told}`}`, {
    hint,
    status,
    code,
    // The pool and the lock refuse before anything is written; a gateway's 5xx says nothing of what was done.
    unknown: kind === 'busy' && status >= 500,
  });
}

function kindOf(
  status: number,
  code: string | undefined,
  text: string,
): { kind: ProblemKind; hint?: string } {
  if (overloaded.test(text)) return { kind: 'busy' };
  if (alreadyThere.test(text) || code === 'RESOURCE_ALREADY_EXISTS') return { kind: 'exists' };
  if (status === 401) return { kind: 'unauthorized', hint: loginHint };
  if (status === 403) return forbidden(text);
  if (status === 404 || code === 'RESOURCE_DOES_NOT_EXIST') return { kind: 'missing' };
  if (/serve-artifacts/.test(text))
    return { kind: 'unsupported', hint: 'start the server without `--no-serve-artifacts`' };
  if (/--artifacts-only|workspaces support/.test(text) || status === 501) return { kind: 'unsupported' };
  if (status === 408 || status === 429 || status >= 500) return { kind: 'busy' };
  if (status >= 300 && status < 400)
    return { kind: 'rejected', hint: 'redirects are not followed: write the final address' };
  return { kind: 'rejected' };
}

const loginHint =
  'set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN for a proxy that takes one';

const forbidden = (text: string): { kind: ProblemKind; hint?: string } =>
  /host header|dns rebinding/i.test(text)
    ? {
        kind: 'forbidden',
        hint: 'the server does not know itself by this name: start it with `--allowed-hosts HOST:PORT`',
      }
    : { kind: 'forbidden', hint: 'this user may not do that: ask the owner of the experiment for the right' };

const timeouts = ['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT'];
/** Nothing left this machine. */
const unsent = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
];
/** The server asks for a certificate of the client's. */
const anonymous =
  /CERTIFICATE_REQUIRED|ALERT_(BAD|UNKNOWN)_CERTIFICATE|ALERT_UNKNOWN_CA|ALERT_HANDSHAKE_FAILURE/;
const closed: ReadonlySet<string> = new Set(['ECONNRESET', 'UND_ERR_SOCKET', 'EPIPE']);
const untrusted = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS|ERR_SSL|EPROTO/;

/**
 * What undici or a socket throws, as a problem; anything without a code is ours and thrown on.
 *
 * @param origin `http://host:5000`, for the message
 */
export function networkProblem(error: unknown, origin: string): MlflowProblem {
  const { code, message, name, path } = error as Partial<NodeJS.ErrnoException>;
  if (name === 'AbortError' || code === 'ABORT_ERR' || code === 'UND_ERR_ABORTED')
    return problem('aborted', `the call to ${origin} was given up`, { unknown: true });
  if (code === undefined) throw error;
  // What was to be sent can't be read.
  if (path !== undefined) return problem('local', `${path} can't be read: ${message ?? code}`);
  const unknown = !unsent.includes(code);
  if (timeouts.includes(code))
    return problem('timeout', `${origin} did not answer in time (${code})`, { unknown });
  if (untrusted.test(code))
    return problem('unsupported', `no secure connection to ${origin}: ${message ?? code}`, {
      hint: anonymous.test(code)
        ? 'name a certificate with its key in MLFLOW_TRACKING_CLIENT_CERT_PATH'
        : 'name the authority in MLFLOW_TRACKING_SERVER_CERT_PATH',
    });
  const reason = message === undefined || message === '' ? code : message;
  const hint =
    origin.startsWith('https:') && closed.has(code)
      ? 'a server that asks for a certificate closes so too: MLFLOW_TRACKING_CLIENT_CERT_PATH names one with its key'
      : undefined;
  return problem('unreachable', `${origin} can't be reached: ${reason}`, { unknown, hint });
}
