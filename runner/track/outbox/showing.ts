/** Sends what the kind of a cell shows of its result: figures, tables, a model, and a run a point. */
import { ok, type Result } from '../../../schemas/result.js';
import type { ArtifactRef, FinishedCell, Show, Shown, ShownPoint } from '../../contract.js';
import type { Store } from '../../store/index.js';
import { fitting, type Metric, type MlflowClient, type MlflowProblem } from '../mlflow/index.js';
import {
  describePoint,
  drawnOf,
  hasCharts,
  isKnownVersion,
  viewTags,
  finalFigures,
  statusOfCell,
  tellCell,
  type Told,
  type ToldFile,
} from '../shape/index.js';
import { asTexts } from '../shape/describe.js';
import { sendEach } from './send-each.js';
import { inputsOf } from './makers.js';
import { modelKey, type ModelIndex } from './models.js';
import { isFinal } from './problems.js';
import type { RunPicture } from './picture.js';
import type { SentCell, SentRun } from './sent.js';
import { recordOf, type CellStory } from './story.js';

type Done = Result<void, MlflowProblem>;

export interface Showing {
  readonly client: MlflowClient;
  readonly picture: RunPicture;
  readonly run: SentRun;
  readonly child: SentCell;
  readonly story: CellStory;
  readonly shown: Shown;
  readonly clientKey: (name: string) => string;
  readonly models: ModelIndex;
}

/** What the kind shows of a result that the store still has; undefined where it shows nothing. */
export function shownOf(
  store: Store,
  shows: ReadonlyMap<string, Show>,
  { record }: WithRecord,
): Shown | undefined {
  const show = record && shows.get(record.kind);
  if (!show) return undefined;
  const outputs: Record<string, ArtifactRef> = {};
  for (const { name, type, digest } of record.artifacts) {
    const found = store.cas.artifactRef(type, digest);
    if (!found.ok) return undefined;
    outputs[name] = found.value;
  }
  const cell: FinishedCell = {
    kind: record.kind,
    with: (record.preimage.with ?? {}) as FinishedCell['with'],
    outputs,
  };
  try {
    return show(cell);
  } catch {
    return undefined; // of another version of the kind: its files are there to be read
  }
}

/** What all results of a run show, those that were cached among them, and the files that go with it. */
export function shownInRun(
  store: Store,
  shows: ReadonlyMap<string, Show>,
  { cells }: RunPicture,
): { readonly shown: readonly Shown[]; readonly files: readonly ToldFile[] } {
  const all = [...cells.values()].flatMap((cell) => {
    const result = recordOf(store, cell);
    const shown = shownOf(store, shows, result);
    return shown ? [{ shown, files: storyFiles(store, result, shown) }] : [];
  });
  return { shown: all.map(({ shown }) => shown), files: all.flatMap(({ files }) => files) };
}

/** Only where the server's pages are known to read them; a run doesn't fail for a view. Answers whether it is there. */
export async function setViews(
  client: MlflowClient,
  experiment: string,
  { shown, time }: { readonly shown: readonly Shown[]; readonly time: number },
): Promise<boolean> {
  const drawn = drawnOf(shown);
  const version = await client.version();
  if (!version.ok || !isKnownVersion(version.value) || !hasCharts(drawn)) return false;
  return (await client.tagExperiment(experiment, viewTags(drawn, time))).ok;
}

type WithRecord = Pick<CellStory, 'record'>;

function storyFiles(store: Store, { record }: WithRecord, { files = [] }: Shown): readonly ToldFile[] {
  return files.flatMap(({ output, file, as }) => {
    const artifact = record?.artifacts.find(({ name }) => name === output);
    const found = artifact && store.cas.artifactRef(artifact.type, artifact.digest);
    const from = found?.ok === true ? found.value.files?.[file] : undefined;
    return from === undefined ? [] : [{ path: as, from }];
  });
}

/** Tells the cell itself with its figures, makes its model, and then a run a point. Done twice it is done once. */
export async function sendShown(
  showing: Showing,
  tell: (child: SentCell, told: Told) => Promise<Done>,
): Promise<Done> {
  const { picture, story, shown, child } = showing;
  const made = await ensureModel(showing);
  if (!made.ok) return made;
  const about = await linkModels(showing);
  if (!about.ok) return about;
  const told = tellCell(picture, story, shown);
  const metrics = ofModel(told.metrics ?? [], about.value);
  const done = await tell(child, { ...told, metrics });
  return done.ok ? sendPoints(showing, about.value) : done;
}

const ofModel = (metrics: readonly Metric[], model: string | undefined): readonly Metric[] =>
  model === undefined ? metrics : metrics.map((metric) => ({ ...metric, model }));

async function ensureModel({ client, run, child, story, shown, models }: Showing): Promise<Done> {
  const { model } = shown;
  const artifact = model && story.record?.artifacts.find(({ name }) => name === model.output);
  if (!model || !artifact) return ok(undefined);
  const made = await client.model({
    experiment: run.experiment,
    name: modelName(model.name),
    type: artifact.type,
    sourceRun: child.id,
    clientKey: modelKey(artifact.digest),
    params: fitting({ params: asTexts(model.params) }).batch.params,
    tags: fitting({ tags: { 'moft.cell': story.cell.id, 'moft.digest': artifact.digest } }).batch.tags,
  });
  if (!made.ok) return made;
  models.note(artifact.digest, made.value.id);
  const finished = await client.finishModel(made.value.id, 'READY');
  return finished.ok ? client.outputs(child.id, [{ model: made.value.id, step: 0 }]) : finished;
}

/** Names of models take no `/ : . % " '`. */
const modelName = (name: string): string => name.replace(/[/:.%"']/g, '_');

/** Links the cell to the models that it read. @returns the one that its figures say something of */
async function linkModels({
  client,
  run,
  child,
  story,
  shown,
  models,
}: Showing): Promise<Result<string | undefined, MlflowProblem>> {
  let about: string | undefined;
  const read = new Set<string>();
  for (const { name, artifact } of inputsOf(story.job)) {
    if (artifact.type !== 'model' && artifact.type !== 'policy') continue;
    const found = await models.of(run.experiment, artifact.digest);
    if (!found.ok) return found;
    if (found.value === undefined) continue;
    read.add(found.value);
    if (name === shown.about) about = found.value;
  }
  const linked = await client.inputs(child.id, { models: [...read] });
  return linked.ok || isFinal(linked.error) ? ok(about) : linked;
}

const sendPoints = (showing: Showing, about: string | undefined): Promise<Done> =>
  sendEach(showing.shown.points ?? [], (point) => sendPoint(showing, point, about));

async function sendPoint(
  { client, picture, run, child, story, clientKey }: Showing,
  point: ShownPoint,
  about: string | undefined,
): Promise<Done> {
  const { cell } = story;
  const time = cell.end?.time ?? picture.started;
  const { name, tags, params } = describePoint(picture, cell, point);
  const made = await client.run({
    ...{ experiment: run.experiment, name, start: time, clientKey: clientKey(point.name) },
    tags: { 'mlflow.parentRunId': child.id },
  });
  if (!made.ok) return made;
  const metrics = ofModel(finalFigures(point.figures, time), about);
  const logged = await client.log(made.value.id, fitting({ metrics, params, tags }).batch);
  return logged.ok ? client.update(made.value.id, { status: statusOfCell(cell), end: time }) : logged;
}
