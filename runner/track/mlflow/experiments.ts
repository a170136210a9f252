/** Experiments: got by name, made where there is none. */
import { err, ok, type Result } from '../../../schemas/result.js';
import { problem, type MlflowProblem } from './problem.js';
import type { Transport } from './transport.js';
import type { Experiment, Pairs } from './types.js';
import { fittingValue } from './fitting.js';
import { searched } from './pages.js';
import { limits, wirePairs, type WirePair } from './values.js';

const api = '/api/2.0/mlflow/experiments';

export interface WireExperiment {
  readonly experiment_id: string;
  readonly name: string;
  readonly artifact_location: string;
  readonly lifecycle_stage: string;
  readonly tags?: readonly WirePair[];
}

export const pairsOf = (pairs: readonly WirePair[] = []): Pairs =>
  Object.fromEntries(pairs.map(({ key, value }) => [key, value]));

const readExperiment = (wire: WireExperiment): Experiment => ({
  id: wire.experiment_id,
  name: wire.name,
  artifactLocation: wire.artifact_location,
  deleted: wire.lifecycle_stage === 'deleted',
  tags: pairsOf(wire.tags),
});

const single = async (
  call: Promise<Result<{ readonly experiment: WireExperiment }, MlflowProblem>>,
): Promise<Result<Experiment | undefined, MlflowProblem>> => {
  const answer = await call;
  if (answer.ok) return ok(readExperiment(answer.value.experiment));
  return answer.error.kind === 'missing' ? ok(undefined) : answer;
};

/** Undefined where there is none; one that was deleted is given, and says so. */
export const experimentNamed = (
  to: Transport,
  name: string,
): Promise<Result<Experiment | undefined, MlflowProblem>> =>
  single(to.json({ method: 'GET', path: `${api}/get-by-name`, query: { experiment_name: name } }));

export const experimentOf = (
  to: Transport,
  id: string,
): Promise<Result<Experiment | undefined, MlflowProblem>> =>
  single(to.json({ method: 'GET', path: `${api}/get`, query: { experiment_id: id } }));

/** The experiment of this name, whoever makes it first. A deleted one is a problem that says how to get it back. */
export async function ensureExperiment(
  to: Transport,
  name: string,
): Promise<Result<Experiment, MlflowProblem>> {
  for (let turn = 1; ; turn++) {
    const found = await experimentNamed(to, name);
    if (!found.ok) return found;
    if (found.value?.deleted === true) return err(deletedProblem(found.value));
    if (found.value) return ok(found.value);
    const made = await to.json({ method: 'POST', path: `${api}/create`, body: { name } });
    // Somebody else was first, or our own first try was: it is there now.
    if (!made.ok && (made.error.kind !== 'exists' || turn > 3)) return made;
  }
}

const deletedProblem = ({ name, id }: Experiment): MlflowProblem =>
  problem('rejected', `the experiment ${JSON.stringify(name)} was deleted on the server`, {
    hint: `\`mlflow experiments restore --experiment-id ${id}\` brings it back; or give the file another \`experiment:\``,
  });

export async function restoreExperiment(to: Transport, id: string): Promise<Result<void, MlflowProblem>> {
  return none(await to.json({ method: 'POST', path: `${api}/restore`, body: { experiment_id: id } }));
}

export async function tagExperiment(
  to: Transport,
  id: string,
  tags: Pairs,
): Promise<Result<void, MlflowProblem>> {
  for (const [key, text] of Object.entries(tags)) {
    const value = fittingValue(text, limits.experimentTag);
    const checked = wirePairs('tag', { [key]: '' });
    if (!checked.ok) return checked;
    const body = { experiment_id: id, key, value };
    const done = await to.json({ method: 'POST', path: `${api}/set-experiment-tag`, body });
    if (!done.ok) return done;
  }
  return ok(undefined);
}

/** All experiments that are not deleted, or those of a filter. */
export const searchExperiments = (
  to: Transport,
  filter?: string,
): Promise<Result<readonly Experiment[], MlflowProblem>> =>
  searched<{ readonly experiments?: readonly WireExperiment[] }, Experiment>(to, {
    path: `${api}/search`,
    ...{ body: {}, filter, most: 1000 },
    items: ({ experiments = [] }) => experiments.map(readExperiment),
  });

export const none = (result: Result<unknown, MlflowProblem>): Result<void, MlflowProblem> =>
  result.ok ? ok(undefined) : result;
