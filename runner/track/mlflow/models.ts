/** Logged models: what a run made, as things of their own. */
import { err, ok, type Result } from '../../../schemas/result.js';
import { none, pairsOf } from './experiments.js';
import { searched } from './pages.js';
import { problem, type MlflowProblem } from './problem.js';
import { checkClientKey, clientKeyTag } from './runs.js';
import type { Transport } from './transport.js';
import type { LoggedModel, NewModel, Pairs } from './types.js';
import { limits, quoted, wirePairs, type WirePair } from './values.js';

const api = '/api/2.0/mlflow/logged-models';

interface WireModel {
  readonly info: {
    readonly model_id: string;
    readonly experiment_id: string;
    readonly name?: string;
    readonly status?: string;
    readonly artifact_uri?: string;
    readonly source_run_id?: string;
    readonly tags?: readonly WirePair[];
  };
  readonly data?: { readonly params?: readonly WirePair[] };
}

function readModel({ info, data = {} }: WireModel): LoggedModel {
  return {
    id: info.model_id,
    experiment: info.experiment_id,
    name: info.name ?? '',
    status: info.status ?? '',
    artifactUri: info.artifact_uri ?? '',
    ...(info.source_run_id === undefined ? {} : { sourceRun: info.source_run_id }),
    tags: pairsOf(info.tags),
    params: pairsOf(data.params),
  };
}

/** Undefined where there is none. */
export async function modelOf(
  to: Transport,
  id: string,
): Promise<Result<LoggedModel | undefined, MlflowProblem>> {
  const answer = await to.json<{ model: WireModel }>({
    method: 'GET',
    path: `${api}/${encodeURIComponent(id)}`,
  });
  if (answer.ok) return ok(readModel(answer.value.model));
  return answer.error.kind === 'missing' ? ok(undefined) : answer;
}

/** Such as ``source_run_id = 'id'`` or ``tags.`name` = 'value'``. */
export const searchModels = (
  to: Transport,
  experiments: readonly string[],
  filter?: string,
): Promise<Result<readonly LoggedModel[], MlflowProblem>> =>
  searched<{ readonly models?: readonly WireModel[] }, LoggedModel>(to, {
    path: `${api}/search`,
    ...{ body: { experiment_ids: experiments }, filter, most: 50 },
    items: ({ models = [] }) => models.map(readModel),
  });

/** The model with this client key: found, or made; as with runs, an answer that got lost makes no second one. */
export async function ensureModel(
  to: Transport,
  model: NewModel,
): Promise<Result<LoggedModel, MlflowProblem>> {
  const body = createBody(model);
  if (!body.ok) return body;
  const filter = `tags.\`${clientKeyTag}\` = ${quoted(model.clientKey)}`;
  for (let turn = 1; ; turn++) {
    const found = await searchModels(to, [model.experiment], filter);
    if (!found.ok) return found;
    if (found.value[0]) return ok(found.value[0]);
    const made = await to.json<{ model: WireModel }>({
      method: 'POST',
      path: api,
      body: body.value,
      repeatable: false,
    });
    if (made.ok) return ok(readModel(made.value.model));
    if (!made.error.unknown || turn > 5) return made;
  }
}

function createBody(model: NewModel): Result<unknown, MlflowProblem> {
  const { experiment, name, type, sourceRun, clientKey, params = {}, tags = {} } = model;
  const key = checkClientKey(clientKey);
  if (!key.ok) return key;
  const wiredParams = wirePairs('param', params);
  if (!wiredParams.ok) return wiredParams;
  const wiredTags = wirePairs('tag', { ...tags, [clientKeyTag]: clientKey });
  if (!wiredTags.ok) return wiredTags;
  if (wiredParams.value.length > limits.paramsPerCall)
    return err(problem('invalid', `a model is made with at most ${limits.paramsPerCall} params`));
  return ok({
    experiment_id: experiment,
    name,
    source_run_id: sourceRun,
    ...(type === undefined ? {} : { model_type: type }),
    params: wiredParams.value,
    tags: wiredTags.value,
  });
}

/** Says that it is whole, or that it never will be. */
export const finishModel = async (
  to: Transport,
  id: string,
  status: 'READY' | 'UPLOAD_FAILED',
): Promise<Result<void, MlflowProblem>> =>
  none(
    await to.json({
      method: 'PATCH',
      path: `${api}/${encodeURIComponent(id)}`,
      body: { model_id: id, status: `LOGGED_MODEL_${status}` },
    }),
  );

export async function tagModel(to: Transport, id: string, tags: Pairs): Promise<Result<void, MlflowProblem>> {
  const wired = wirePairs('tag', tags);
  if (!wired.ok) return wired;
  const path = `${api}/${encodeURIComponent(id)}/tags`;
  return none(await to.json({ method: 'PATCH', path, body: { tags: wired.value } }));
}
