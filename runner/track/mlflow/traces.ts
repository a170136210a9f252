/** Traces of one span each, and what was judged of them. Ids are ours, so that the same again is nothing new. */
import { err, ok, type Result } from '../../../schemas/result.js';
import { artifactFolder, textUpload } from './artifacts.js';
import { searched } from './pages.js';
import { problem, type MlflowProblem } from './problem.js';
import type { Transport } from './transport.js';
import type { Assessment, Pairs, Trace } from './types.js';
import { checkTime } from './values.js';

const api = '/api/3.0/mlflow/traces';
const traceId = /^tr-[0-9a-f]{32}$/;
const assessmentId = /^a-[0-9a-f]{32}$/;
const previewLength = 1_000;

const invalid = (message: string): Result<never, MlflowProblem> => err(problem('invalid', message));

/** What the server knows of a trace. */
export interface TraceInfo {
  readonly id: string;
  readonly state: string;
  readonly tags: Pairs;
  readonly metadata: Pairs;
  readonly assessments: readonly {
    readonly id: string;
    readonly name: string;
    readonly value: unknown;
    /** Code of what kept it from a value. */
    readonly failure?: string;
    readonly rationale?: string;
  }[];
}

interface WireInfo {
  readonly trace_id: string;
  readonly state?: string;
  readonly tags?: Pairs;
  readonly trace_metadata?: Pairs;
  readonly assessments?: readonly {
    readonly assessment_id: string;
    readonly assessment_name: string;
    readonly feedback?: { readonly value?: unknown; readonly error?: { readonly error_code?: string } };
    readonly rationale?: string;
  }[];
}

const readInfo = (info: WireInfo): TraceInfo => ({
  id: info.trace_id,
  state: info.state ?? '',
  tags: info.tags ?? {},
  metadata: info.trace_metadata ?? {},
  assessments: (info.assessments ?? []).map((one) => ({
    id: one.assessment_id,
    name: one.assessment_name,
    value: one.feedback?.value,
    ...(one.feedback?.error?.error_code === undefined ? {} : { failure: one.feedback.error.error_code }),
    ...(one.rationale === undefined ? {} : { rationale: one.rationale }),
  })),
});

const preview = (value: unknown): string => JSON.stringify(value).slice(0, previewLength);
const instant = (milliseconds: number): string => new Date(milliseconds).toISOString();

/** Puts a trace with its one span; the same id again replaces it. */
export async function putTrace(to: Transport, trace: Trace): Promise<Result<void, MlflowProblem>> {
  if (!traceId.test(trace.id)) return invalid(`${JSON.stringify(trace.id)} is no id of a trace`);
  const time = checkTime('a trace', trace.start);
  if (!time.ok) return time;
  const length = checkTime('the length of a trace', trace.milliseconds);
  if (!length.ok) return length;
  const made = await to.json<{ trace: { trace_info: WireInfo } }>({
    method: 'POST',
    path: api,
    body: { trace: { trace_info: wireTrace(trace) } },
  });
  if (!made.ok) return made;
  const place = made.value.trace.trace_info.tags?.['mlflow.artifactLocation'];
  if (place === undefined) return ok(undefined);
  const folder = artifactFolder(to, place);
  return folder.ok ? folder.value.put('traces.json', textUpload(spansText(trace))) : folder;
}

const wireTrace = ({
  id,
  experiment,
  run,
  name,
  start,
  milliseconds,
  ok: fine,
  request,
  response,
  tags,
}: Trace): unknown => ({
  trace_id: id,
  trace_location: { type: 'MLFLOW_EXPERIMENT', mlflow_experiment: { experiment_id: experiment } },
  request_preview: preview(request),
  response_preview: preview(response),
  request_time: instant(start),
  execution_duration: `${milliseconds / 1000}s`,
  state: fine ? 'OK' : 'ERROR',
  trace_metadata: {
    'mlflow.trace_schema.version': '3',
    ...(run === undefined ? {} : { 'mlflow.sourceRun': run }),
  },
  tags: { 'mlflow.traceName': name, ...tags },
});

/** Nanoseconds are beyond what a double holds: they are written as digits. */
function spansText({ id, name, start, milliseconds, ok: fine, request, response }: Trace): string {
  const hex = id.slice(3);
  const base64 = (digits: string): string => Buffer.from(digits, 'hex').toString('base64');
  const span = {
    trace_id: base64(hex),
    span_id: base64(hex.slice(0, 16)),
    parent_span_id: null,
    name,
    events: [],
    links: [],
    status: { code: fine ? 'STATUS_CODE_OK' : 'STATUS_CODE_ERROR', message: '' },
    attributes: {
      'mlflow.traceRequestId': JSON.stringify(id),
      'mlflow.spanType': '"LLM"',
      'mlflow.spanInputs': JSON.stringify(request),
      'mlflow.spanOutputs': JSON.stringify(response),
    },
  };
  const times = `"start_time_unix_nano":${start}000000,"end_time_unix_nano":${start + milliseconds}000000`;
  return `{"spans":[{${times},${JSON.stringify(span).slice(1)}]}`;
}

/** Puts what was judged of a trace; one that is there already stays. */
export async function putAssessment(to: Transport, one: Assessment): Promise<Result<void, MlflowProblem>> {
  if (!traceId.test(one.trace) || !assessmentId.test(one.id))
    return invalid(`${JSON.stringify(one.id)} of ${JSON.stringify(one.trace)} is no id of an assessment`);
  const time = checkTime('an assessment', one.time);
  if (!time.ok) return time;
  const done = await to.json({
    method: 'POST',
    path: `${api}/${one.trace}/assessments`,
    body: { assessment: wireAssessment(one) },
  });
  return done.ok || done.error.kind === 'exists' ? ok(undefined) : done;
}

const wireAssessment = ({
  id,
  trace,
  name,
  value,
  failure,
  rationale,
  source,
  time,
  metadata,
}: Assessment): unknown => ({
  assessment_id: id,
  assessment_name: name,
  trace_id: trace,
  source: { source_type: source.kind, source_id: source.id },
  create_time: instant(time),
  last_update_time: instant(time),
  feedback: failure ? { error: { error_code: failure.code, error_message: failure.message } } : { value },
  ...(rationale === undefined ? {} : { rationale }),
  ...(metadata === undefined ? {} : { metadata }),
  valid: true,
});

/** Undefined where there is none. */
export async function traceOf(
  to: Transport,
  id: string,
): Promise<Result<TraceInfo | undefined, MlflowProblem>> {
  const answer = await to.json<{ trace: { trace_info: WireInfo } }>({ method: 'GET', path: `${api}/${id}` });
  if (answer.ok) return ok(readInfo(answer.value.trace.trace_info));
  return answer.error.kind === 'missing' ? ok(undefined) : answer;
}

/** Such as ``metadata.`mlflow.sourceRun` = 'id'``. */
export const searchTraces = (
  to: Transport,
  experiments: readonly string[],
  filter?: string,
): Promise<Result<readonly TraceInfo[], MlflowProblem>> =>
  searched<{ readonly traces?: readonly WireInfo[] }, TraceInfo>(to, {
    path: `${api}/search`,
    body: {
      locations: experiments.map((experiment) => ({
        type: 'MLFLOW_EXPERIMENT',
        mlflow_experiment: { experiment_id: experiment },
      })),
    },
    ...{ filter, most: 500 },
    items: ({ traces = [] }) => traces.map(readInfo),
  });
