/** The MLflow server that a command speaks to. */
import type { MlflowSettings } from '../../runner/track/mlflow/settings.js';
import type { SenderOptions } from '../../runner/track/outbox/sender.js';
import type { Options } from '../command.js';
import { UsageError } from '../exit.js';
import type { CliHost } from '../host.js';
import { machineOf } from '../machine.js';
import { flag, text } from '../options.js';
import { localAddress } from '../server/state.js';

export const trackOption = [
  '--track <uri>',
  'MLflow server: an address, or `none`; default: MLFLOW_TRACKING_URI, `mlflow: {uri}` in moft.yaml, or a running `moft mlflow`',
] as const;

export interface Target extends Pick<SenderOptions, 'experiment' | 'parent'> {
  readonly settings: MlflowSettings;
  /** Whether judgments are sent. */
  readonly traces: boolean;
  /** As it was given, perhaps with credentials: for the tracker alone. */
  readonly uri: string;
}

export interface Where {
  /** Of the project. */
  readonly folder: string;
  /** Of the store. */
  readonly root: string;
}

/**
 * The server that is named first: by `--track`, the environment, moft.yaml, or a server of `moft mlflow` that runs.
 *
 * @throws UsageError where what is named is no server
 */
export async function targetOf(options: Options, where: Where, host: CliHost): Promise<Target | undefined> {
  const found = await addressOf(options, where, host);
  if (!found) return undefined;
  const { readSettings } = await import('../../runner/track/mlflow/settings.js');
  const settings = readSettings(found.uri, host.env);
  if (!settings.ok) throw new UsageError(`${found.from}: ${settings.error.message}`, settings.error.hint);
  const { judgments } = (await machineOf(where.folder)).mlflow;
  const traces = judgments && !flag(options, 'withoutJudgments');
  return { settings: settings.value, uri: found.uri, traces, ...contextOf(host.env) };
}

/** @throws UsageError where no server is named, too */
export async function requiredTarget(options: Options, where: Where, host: CliHost): Promise<Target> {
  const target = await targetOf(options, where, host);
  if (target) return target;
  throw new UsageError(
    'no MLflow server is named',
    'set MLFLOW_TRACKING_URI, write `mlflow: {uri: ...}` into moft.yaml, give --track, or start one: moft mlflow',
  );
}

interface Found {
  readonly uri: string;
  readonly from: string;
}

async function addressOf(
  options: Options,
  { folder, root }: Where,
  { env }: CliHost,
): Promise<Found | undefined> {
  const given = text(options, 'track');
  if (given === 'none') return undefined;
  if (given !== undefined) return { uri: given, from: '--track' };
  const variable = env.MLFLOW_TRACKING_URI;
  if (variable !== undefined && variable !== '') return { uri: variable, from: 'MLFLOW_TRACKING_URI' };
  const { mlflow } = await machineOf(folder);
  if (mlflow.uri !== undefined) return { uri: mlflow.uri, from: 'moft.yaml' };
  const local = localAddress(root);
  return local === undefined ? undefined : { uri: local, from: 'moft mlflow' };
}

/** What the Python client reads of the environment to choose an experiment and a run. */
function contextOf(env: CliHost['env']): Pick<Target, 'experiment' | 'parent'> {
  const valueOf = (name: string): string | undefined => (env[name] === '' ? undefined : env[name]);
  const id = valueOf('MLFLOW_EXPERIMENT_ID');
  const name = valueOf('MLFLOW_EXPERIMENT_NAME');
  const parent = valueOf('MLFLOW_RUN_ID');
  return {
    ...(id !== undefined ? { experiment: { id } } : name !== undefined ? { experiment: { name } } : {}),
    ...(parent === undefined ? {} : { parent }),
  };
}
