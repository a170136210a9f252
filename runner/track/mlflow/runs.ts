/** Runs: made once, whatever the network does, and everything that is logged to them. */
import { err, ok, type Result } from '../../../schemas/result.js';
import { cutBatch } from './batches.js';
import { none, pairsOf } from './experiments.js';
import { searched } from './pages.js';
import { problem, type MlflowProblem } from './problem.js';
import type { Transport } from './transport.js';
import type {
  Batch,
  DatasetInput,
  Metric,
  ModelOutput,
  NewRun,
  Run,
  RunInputs,
  RunQuery,
  RunStatus,
} from './types.js';
import { all, checkStatus, checkTime, limits, quoted, wirePairs, type WirePair } from './values.js';

const api = '/api/2.0/mlflow/runs';

/** Tag that identifies a run for its writer: what is searched for before a run is made. */
export const clientKeyTag = 'moft.client_key';

type WireMetricOut = {
  key: string;
  value: number | string;
  timestamp: number | string;
  step: number | string;
};
interface WireRun {
  readonly info: {
    readonly run_id: string;
    readonly experiment_id: string;
    readonly run_name?: string;
    readonly status: RunStatus;
    readonly start_time?: number | string;
    readonly end_time?: number | string;
    readonly artifact_uri?: string;
    readonly lifecycle_stage?: string;
  };
  readonly data?: {
    readonly metrics?: readonly WireMetricOut[];
    readonly params?: readonly WirePair[];
    readonly tags?: readonly WirePair[];
  };
  readonly inputs?: {
    readonly dataset_inputs?: readonly WireDatasetInput[];
    readonly model_inputs?: readonly { readonly model_id: string }[];
  };
  readonly outputs?: { readonly model_outputs?: readonly { readonly model_id: string }[] };
}

interface WireDatasetInput {
  readonly tags?: readonly WirePair[];
  readonly dataset: {
    readonly name: string;
    readonly digest: string;
    readonly source_type: string;
    readonly source: string;
    readonly schema?: string;
    readonly profile?: string;
  };
}

const readMetric = ({ key, value, timestamp, step }: WireMetricOut): Metric => ({
  key,
  value: Number(value),
  timestamp: Number(timestamp),
  step: Number(step),
});

const contextTag = 'mlflow.data.context';

function readDataset({ dataset, tags }: WireDatasetInput): Run['datasets'][number] {
  const { name, digest, source_type: sourceType, source, schema, profile } = dataset;
  const context = pairsOf(tags)[contextTag];
  return {
    name,
    digest,
    sourceType,
    source,
    ...(schema === undefined ? {} : { schema }),
    ...(profile === undefined ? {} : { profile }),
    ...(context === undefined ? {} : { context }),
  };
}

function readRun({ info, data = {}, inputs, outputs }: WireRun): Run {
  const end = Number(info.end_time ?? 0);
  return {
    id: info.run_id,
    experiment: info.experiment_id,
    name: info.run_name ?? '',
    status: info.status,
    start: Number(info.start_time ?? 0),
    ...(end > 0 ? { end } : {}),
    artifactUri: info.artifact_uri ?? '',
    deleted: info.lifecycle_stage === 'deleted',
    params: pairsOf(data.params),
    tags: pairsOf(data.tags),
    metrics: Object.fromEntries((data.metrics ?? []).map((metric) => [metric.key, readMetric(metric)])),
    datasets: (inputs?.dataset_inputs ?? []).map(readDataset),
    modelInputs: (inputs?.model_inputs ?? []).map(({ model_id: model }) => model),
    models: (outputs?.model_outputs ?? []).map(({ model_id: model }) => model),
  };
}

/** Undefined where there is none. */
export async function runOf(to: Transport, id: string): Promise<Result<Run | undefined, MlflowProblem>> {
  const answer = await to.json<{ run: WireRun }>({
    method: 'GET',
    path: `${api}/get`,
    query: { run_id: id },
  });
  if (answer.ok) return ok(readRun(answer.value.run));
  return answer.error.kind === 'missing' ? ok(undefined) : answer;
}

const views = { active: 'ACTIVE_ONLY', deleted: 'DELETED_ONLY', all: 'ALL' } as const;

/** All pages of a search. */
export const searchRuns = (
  to: Transport,
  { experiments, filter, orderBy, deleted = 'active', limit = Infinity }: RunQuery,
): Promise<Result<readonly Run[], MlflowProblem>> =>
  searched<{ readonly runs?: readonly WireRun[] }, Run>(to, {
    path: `${api}/search`,
    body: {
      experiment_ids: experiments,
      run_view_type: views[deleted],
      ...(orderBy ? { order_by: orderBy } : {}),
    },
    ...{ filter, limit, most: 1_000 },
    items: ({ runs = [] }) => runs.map(readRun),
  });

const tagFilter = (name: string, value: string): string => `tags.\`${name}\` = ${quoted(value)}`;

/**
 * The run with a client key. Where a slow server made it twice after all, the first stays and the others are deleted:
 * nothing was logged to them, since each writer looks here first.
 */
export async function runWithKey(
  to: Transport,
  experiment: string,
  clientKey: string,
): Promise<Result<Run | undefined, MlflowProblem>> {
  const found = await searchRuns(to, {
    experiments: [experiment],
    filter: tagFilter(clientKeyTag, clientKey),
  });
  if (!found.ok) return found;
  const [first, ...others] = [...found.value].sort((a, b) => weight(b) - weight(a) || (a.id < b.id ? -1 : 1));
  for (const { id } of others) {
    const deleted = await deleteRun(to, id);
    if (!deleted.ok) return deleted;
  }
  return ok(first);
}

/** What a run holds: the one that was written to is the one that stays. */
const weight = ({ metrics, params, tags }: Run): number =>
  Object.keys(metrics).length + Object.keys(params).length + Object.keys(tags).length;

/**
 * The run with this client key: found, or made. `runs/create` twice makes two runs, so after an answer that got lost
 * the server is asked what it has.
 */
export async function ensureRun(to: Transport, run: NewRun): Promise<Result<Run, MlflowProblem>> {
  const body = createBody(run);
  if (!body.ok) return body;
  for (let turn = 1; ; turn++) {
    const found = await runWithKey(to, run.experiment, run.clientKey);
    if (!found.ok) return found;
    if (found.value) return ok(found.value);
    const made = await to.json<{ run: WireRun }>({
      method: 'POST',
      path: `${api}/create`,
      body: body.value,
      repeatable: false,
    });
    if (made.ok) return ok(readRun(made.value.run));
    if (!made.error.unknown || turn > 5) return made;
  }
}

/** No quotes, so that any filter can name it. */
const clientKeyForm = /^[^'"`\\]{1,250}$/;

export const checkClientKey = (key: string): Result<string, MlflowProblem> =>
  clientKeyForm.test(key)
    ? ok(key)
    : err(problem('invalid', `${JSON.stringify(key)} can't be a client key: quotes are not taken`));

function createBody({
  experiment,
  name,
  start,
  clientKey,
  tags = {},
}: NewRun): Result<unknown, MlflowProblem> {
  const key = checkClientKey(clientKey);
  if (!key.ok) return key;
  const time = checkTime('a run', start);
  if (!time.ok) return time;
  const wired = wirePairs('tag', { ...tags, 'mlflow.runName': name, [clientKeyTag]: clientKey });
  if (!wired.ok) return wired;
  if (wired.value.length > limits.tagsPerCall)
    return err(problem('invalid', `a run is made with at most ${limits.tagsPerCall} tags`));
  return ok({ experiment_id: experiment, start_time: start, run_name: name, tags: wired.value });
}

export async function updateRun(
  to: Transport,
  id: string,
  { status, end, name }: { readonly status?: RunStatus; readonly end?: number; readonly name?: string },
): Promise<Result<void, MlflowProblem>> {
  const checked = status === undefined ? ok(undefined) : checkStatus(status);
  if (!checked.ok) return checked;
  const time = end === undefined ? ok(undefined) : checkTime('the end of a run', end);
  if (!time.ok) return time;
  const body = {
    run_id: id,
    ...(status === undefined ? {} : { status }),
    ...(end === undefined ? {} : { end_time: end }),
    ...(name === undefined ? {} : { run_name: name }),
  };
  return none(await to.json({ method: 'POST', path: `${api}/update`, body }));
}

export const deleteRun = async (to: Transport, id: string): Promise<Result<void, MlflowProblem>> =>
  none(await to.json({ method: 'POST', path: `${api}/delete`, body: { run_id: id } }));

/**
 * Logs in as many calls as it takes. Sending the same again changes nothing: a metric is identified by name, value,
 * time and step, a param may be said twice, and of a tag the last value counts.
 */
export async function logBatch(
  to: Transport,
  id: string,
  batch: Batch,
): Promise<Result<void, MlflowProblem>> {
  const calls = cutBatch(batch);
  if (!calls.ok) return calls;
  for (const call of calls.value) {
    const done = await to.json({ method: 'POST', path: `${api}/log-batch`, body: { run_id: id, ...call } });
    if (!done.ok) return done;
  }
  return ok(undefined);
}

const mostInputs = 100;

/** What a run read. Said twice it is said once. */
export async function logInputs(
  to: Transport,
  id: string,
  { datasets = [], models = [] }: RunInputs,
): Promise<Result<void, MlflowProblem>> {
  const wired = all(datasets, wireDataset);
  if (!wired.ok) return wired;
  const read = models.map((model) => ({ model_id: model }));
  for (let at = 0; at < Math.max(wired.value.length, read.length); at += mostInputs) {
    const part = <T>(items: readonly T[]): readonly T[] => items.slice(at, at + mostInputs);
    const body = { run_id: id, datasets: part(wired.value), models: part(read) };
    const done = await logInputsOnce(to, body);
    if (!done.ok) return done;
  }
  return ok(undefined);
}

/** Of two runs that name a new dataset at once, the server refuses one: by the next try the dataset is there. */
async function logInputsOnce(to: Transport, body: unknown): Promise<Result<unknown, MlflowProblem>> {
  for (let turn = 1; ; turn++) {
    const done = await to.json({ method: 'POST', path: `${api}/log-inputs`, body });
    if (done.ok || done.error.kind !== 'exists' || turn > 3) return done;
  }
}

function wireDataset(input: DatasetInput): Result<WireDatasetInput, MlflowProblem> {
  const { name, digest, sourceType, source, schema, profile, context } = input;
  if (digest.length > limits.datasetDigest)
    return err(
      problem(
        'invalid',
        `the digest of the dataset ${name} has ${digest.length} characters, at most 36 are taken`,
      ),
    );
  return ok({
    tags: context === undefined ? [] : [{ key: contextTag, value: context }],
    dataset: {
      name,
      digest,
      source_type: sourceType,
      source,
      ...(schema === undefined ? {} : { schema }),
      ...(profile === undefined ? {} : { profile }),
    },
  });
}

/** Links models to the run that made them. Said twice it is said once. */
export async function logOutputs(
  to: Transport,
  id: string,
  models: readonly ModelOutput[],
): Promise<Result<void, MlflowProblem>> {
  const body = { run_id: id, models: models.map(({ model, step }) => ({ model_id: model, step })) };
  const done = await to.json({ method: 'POST', path: `${api}/outputs`, body });
  return done.ok || done.error.kind === 'exists' ? ok(undefined) : done;
}

/** A page that doesn't say how much it wants makes some servers answer the same one for ever. */
const historyPage = 25_000;

/** Every point of a metric, in the server's order. */
export async function metricHistory(
  to: Transport,
  id: string,
  key: string,
): Promise<Result<readonly Metric[], MlflowProblem>> {
  const found: Metric[] = [];
  let token: string | undefined;
  do {
    const page = await to.json<{ metrics?: WireMetricOut[]; next_page_token?: string }>({
      method: 'GET',
      path: '/api/2.0/mlflow/metrics/get-history',
      query: { run_id: id, metric_key: key, max_results: historyPage, page_token: token },
    });
    if (!page.ok) return page;
    found.push(...(page.value.metrics ?? []).map(readMetric));
    token = page.value.next_page_token;
  } while (token);
  return ok(found);
}
