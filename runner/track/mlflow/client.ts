/**
 * A client of MLflow's REST interface (2.0, traces 3.0), as one value:
 *
 * ```ts
 * const settings = readSettings('http://127.0.0.1:5000', process.env);
 * if (!settings.ok) return settings;
 * const mlflow = createClient(settings.value);
 * const experiment = await mlflow.experiment('moft/three-rewards');
 * if (!experiment.ok) return experiment;
 * const run = await mlflow.run({ experiment: experiment.value.id, name: 'clp', start: Date.now(), clientKey: 'r1/clp' });
 * if (!run.ok) return run;
 * await mlflow.log(run.value.id, { metrics: [{ key: 'loss', value: 1.5, timestamp: Date.now(), step: 0 }] });
 * const artifacts = mlflow.artifacts(run.value.artifactUri);
 * if (artifacts.ok) await artifacts.value.put('front.svg', fileUpload('/tmp/front.svg'));
 * await mlflow.update(run.value.id, { status: 'FINISHED', end: Date.now() });
 * await mlflow.close();
 * ```
 *
 * Every call answers with a Result; a problem has a `kind`, the server's `code`, and says whether it may pass. What the
 * server would swallow is refused (kind `invalid`): `fitting` makes any names and values fit, reversibly. Calls that may
 * be done twice are retried; runs and models are made once, by their client key.
 */
import type { Result } from '../../../schemas/result.js';
import { artifactFolder, type ArtifactFolder } from './artifacts.js';
import {
  ensureExperiment,
  experimentNamed,
  experimentOf,
  restoreExperiment,
  searchExperiments,
  tagExperiment,
} from './experiments.js';
import { ensureModel, finishModel, modelOf, searchModels, tagModel } from './models.js';
import type { MlflowProblem } from './problem.js';
import {
  deleteRun,
  ensureRun,
  logBatch,
  logInputs,
  logOutputs,
  metricHistory,
  runOf,
  runWithKey,
  searchRuns,
  updateRun,
} from './runs.js';
import type { MlflowSettings } from './settings.js';
import { putAssessment, putTrace, searchTraces, traceOf, type TraceInfo } from './traces.js';
import { Transport, type TransportOptions } from './transport.js';
import type {
  Assessment,
  Batch,
  Experiment,
  LoggedModel,
  Metric,
  ModelOutput,
  NewModel,
  NewRun,
  Pairs,
  Run,
  RunInputs,
  RunQuery,
  RunStatus,
  Trace,
} from './types.js';

type Answer<T> = Promise<Result<T, MlflowProblem>>;

export interface MlflowClient {
  /** `http://host:5000`, without credentials. */
  readonly address: string;
  /** Whether somebody answers; says nothing of the right to log there. */
  health(): Answer<void>;
  version(): Answer<string>;

  /** The experiment of this name; made where there is none. */
  experiment(name: string): Answer<Experiment>;
  experimentNamed(name: string): Answer<Experiment | undefined>;
  experimentOf(id: string): Answer<Experiment | undefined>;
  experiments(filter?: string): Answer<readonly Experiment[]>;
  restoreExperiment(id: string): Answer<void>;
  tagExperiment(id: string, tags: Pairs): Answer<void>;

  /** The run of this client key; made where there is none. */
  run(run: NewRun): Answer<Run>;
  runOf(id: string): Answer<Run | undefined>;
  /** Deletes what a slow server made twice. */
  runWithKey(experiment: string, clientKey: string): Answer<Run | undefined>;
  /** All pages. */
  runs(query: RunQuery): Answer<readonly Run[]>;
  update(
    run: string,
    change: { readonly status?: RunStatus; readonly end?: number; readonly name?: string },
  ): Answer<void>;
  deleteRun(run: string): Answer<void>;
  /** Metrics, params and tags, in as many calls as it takes; the same again changes nothing. */
  log(run: string, batch: Batch): Answer<void>;
  inputs(run: string, read: RunInputs): Answer<void>;
  outputs(run: string, models: readonly ModelOutput[]): Answer<void>;
  /** All pages. */
  history(run: string, metric: string): Answer<readonly Metric[]>;

  /** The folder of a run's, a model's or a trace's own artifact address. */
  artifacts(uri: string): Result<ArtifactFolder, MlflowProblem>;

  /** The model of this client key; made where there is none, and PENDING until `finishModel`. */
  model(model: NewModel): Answer<LoggedModel>;
  modelOf(id: string): Answer<LoggedModel | undefined>;
  models(experiments: readonly string[], filter?: string): Answer<readonly LoggedModel[]>;
  finishModel(id: string, status: 'READY' | 'UPLOAD_FAILED'): Answer<void>;
  tagModel(id: string, tags: Pairs): Answer<void>;

  putTrace(trace: Trace): Answer<void>;
  traceOf(id: string): Answer<TraceInfo | undefined>;
  traces(experiments: readonly string[], filter?: string): Answer<readonly TraceInfo[]>;
  putAssessment(assessment: Assessment): Answer<void>;

  /** Closes its sockets. */
  close(): Promise<void>;
}

export function createClient(settings: MlflowSettings, options: TransportOptions = {}): MlflowClient {
  const to = new Transport(settings, options);
  return {
    address: to.address,
    health: async () => {
      const answer = await to.text({ method: 'GET', path: '/health' });
      return answer.ok ? { ok: true, value: undefined } : answer;
    },
    version: () => to.text({ method: 'GET', path: '/version' }),
    experiment: (name) => ensureExperiment(to, name),
    experimentNamed: (name) => experimentNamed(to, name),
    experimentOf: (id) => experimentOf(to, id),
    experiments: (filter) => searchExperiments(to, filter),
    restoreExperiment: (id) => restoreExperiment(to, id),
    tagExperiment: (id, tags) => tagExperiment(to, id, tags),
    run: (run) => ensureRun(to, run),
    runOf: (id) => runOf(to, id),
    runWithKey: (experiment, clientKey) => runWithKey(to, experiment, clientKey),
    runs: (query) => searchRuns(to, query),
    update: (run, change) => updateRun(to, run, change),
    deleteRun: (run) => deleteRun(to, run),
    log: (run, batch) => logBatch(to, run, batch),
    inputs: (run, read) => logInputs(to, run, read),
    outputs: (run, models) => logOutputs(to, run, models),
    history: (run, metric) => metricHistory(to, run, metric),
    artifacts: (uri) => artifactFolder(to, uri),
    model: (model) => ensureModel(to, model),
    modelOf: (id) => modelOf(to, id),
    models: (experiments, filter) => searchModels(to, experiments, filter),
    finishModel: (id, status) => finishModel(to, id, status),
    tagModel: (id, tags) => tagModel(to, id, tags),
    putTrace: (trace) => putTrace(to, trace),
    traceOf: (id) => traceOf(to, id),
    traces: (experiments, filter) => searchTraces(to, experiments, filter),
    putAssessment: (assessment) => putAssessment(to, assessment),
    close: () => to.close(),
  };
}
