/**
 * Sends what the journal of a run says to a server, a turn at a time. Everything that it does may be done again: runs
 * are found by their client key, metrics are identified by what they say, and a tag that is committed last tells how
 * far a run's events are there.
 */
import type { KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import { sha256 } from '../../../schemas/json.js';
import type { Show } from '../../contract.js';
import { ok, type Result } from '../../../schemas/result.js';
import type { CellId } from '../../pipeline.js';
import { toProblem, type JournalFollower, type Store, type StoreProblem } from '../../store/index.js';
import {
  problem,
  clientKeyTag,
  fileUpload,
  fitting,
  isWhole,
  quoted,
  textUpload,
  type Batch,
  type MlflowClient,
  type MlflowProblem,
  type Run,
} from '../mlflow/index.js';
import { sendEach } from './send-each.js';
import { sendEvents, sentUntil } from './events.js';
import { datasetsMade, datasetsRead } from './datasets.js';
import { inputsOf, Makers, wavesOf } from './makers.js';
import { ModelIndex } from './models.js';
import { isExecuted, Picturing, type CellPicture, type RunPicture } from './picture.js';
import { places } from './places.js';
import { isFinal } from './problems.js';
import { Sent, type SentCell, type SentRun } from './sent.js';
import {
  describeCell,
  describeRun,
  statusOfCell,
  statusOfRun,
  tellRun,
  type CellRow,
  type Told,
} from '../shape/index.js';
import { sendShown, setViews, shownInRun, shownOf } from './showing.js';
import { jobOf, storyOf } from './story.js';
import { EventStream } from './stream.js';
import { madeBy } from './origin.js';
import { VitalsStream } from './vitals.js';
import { uploadResult } from './upload.js';

type Done = Result<void, MlflowProblem>;

export interface SenderOptions {
  readonly store: Store;
  readonly run: string;
  readonly client: MlflowClient;
  /** Takes the place of the pipeline's experiment. */
  readonly experiment?: { readonly name: string } | { readonly id: string };
  /** A run of somebody else's that ours belongs to. */
  readonly parent?: string;
  /** What kinds show of their results. */
  readonly shows?: ReadonlyMap<string, Show>;
  /** Whether judgments are sent, as traces; default: yes. */
  readonly traces?: boolean;
  /** Signs records, so that `moft restore` takes them elsewhere. */
  readonly signing?: KeyObject;
  /** Whether the run's own process is gone: what it left open was killed. */
  readonly isGone: () => boolean;
}

export type Turn =
  /** All that the run will ever say is there. */
  | { readonly kind: 'complete' }
  /** All that was said so far is there. */
  | { readonly kind: 'current' }
  | { readonly kind: 'blocked'; readonly problem: MlflowProblem };

/** Identifies a run of ours on any server. */
export function clientKeyOf(run: string, cell?: CellId): string {
  const key = cell === undefined ? run : `${run}/${cell}`;
  return key.length <= 250 ? key : `${run}/${sha256(key)}`;
}

const noShows: ReadonlyMap<string, Show> = new Map();

export class Sender {
  readonly sent: Sent;
  /** Whether the experiment was given views that draw something. */
  hasViews = false;
  readonly #options: SenderOptions;
  readonly #journal: JournalFollower;
  readonly #picturing: Picturing;
  readonly #streams = new Map<CellId, EventStream>();
  readonly #vitals = new Map<CellId, VitalsStream>();
  readonly #makers: Makers;
  readonly #models: ModelIndex;
  #gone = false;

  constructor(options: SenderOptions) {
    this.#options = options;
    const { store, run, client } = options;
    this.sent = Sent.read(store.root, run, client.address);
    this.#journal = store.followJournal(run);
    this.#picturing = new Picturing(run);
    this.#makers = new Makers(store);
    this.#models = new ModelIndex(client);
  }

  get picture(): RunPicture | undefined {
    return this.#picturing.picture;
  }

  /** Cells, and the run itself, of which something is still to be sent. */
  get owed(): number {
    if (this.sent.finished || !this.picture) return 0;
    return this.#open(this.picture).length + 1;
  }

  /** Sends what there is. */
  async turn(): Promise<Turn> {
    // Asked before the journal is read: what a dying process wrote last is in it.
    this.#gone = this.#options.isGone();
    const lines = this.#journal.read();
    // Without what it says last, a cell that ended would be sent as one that was killed, for good.
    if (lines.ok) this.#picturing.add(lines.value);
    else if (!this.sent.finished) return unread(lines.error);
    const { picture } = this;
    if (this.sent.finished || (!picture && this.#gone)) return { kind: 'complete' };
    if (!picture) return { kind: 'current' };
    try {
      const done = await this.#sendAll(picture);
      return done.ok ? { kind: done.value } : { kind: 'blocked', problem: done.error };
    } catch (error) {
      return unread(toProblem(error)); // throws what is no fault of the disk
    }
  }

  async #sendAll(picture: RunPicture): Promise<Result<'complete' | 'current', MlflowProblem>> {
    const run = this.sent.run ? ok(this.sent.run) : await this.#begin(picture);
    if (!run.ok) return run;
    const cells = await this.#sendCells(picture, run.value);
    if (!cells.ok) return cells;
    if (!this.#isOver(picture) || this.#open(picture).length > 0) return ok('current');
    const finished = await this.#finish(picture, run.value);
    return finished.ok ? ok('complete') : finished;
  }

  /** Nothing more will be said: a cell that has no end by now has none. */
  #isOver(picture: RunPicture): boolean {
    return picture.end !== undefined || this.#gone;
  }

  /** Cells of which something is to be sent, in the order in which they began. */
  #open(picture: RunPicture): readonly CellPicture[] {
    return [...picture.cells.values()].filter(isExecuted).filter((cell) => {
      const { done } = this.sent.cell(cell.id) ?? {};
      return !this.sent.refusedCells.has(cell.id) && (done === undefined || done !== (cell.end?.seq ?? 0));
    });
  }

  async #begin(picture: RunPicture): Promise<Result<SentRun, MlflowProblem>> {
    const { client, parent } = this.#options;
    const experiment = await this.#experiment(picture);
    if (!experiment.ok) return experiment;
    const { name, tags, params } = describeRun(picture);
    const nested: Record<string, string> = parent === undefined ? {} : { 'mlflow.parentRunId': parent };
    const made = await client.run({
      ...{ experiment: experiment.value, name, start: picture.started, tags: nested },
      clientKey: clientKeyOf(picture.run),
    });
    if (!made.ok) return made;
    const described = await this.#log(made.value, { params, tags });
    if (!described.ok) return described;
    this.sent.note({ kind: 'run', experiment: experiment.value, ...placeOf(made.value) });
    return ok({ experiment: experiment.value, ...placeOf(made.value) });
  }

  async #experiment(picture: RunPicture): Promise<Result<string, MlflowProblem>> {
    const { client, experiment = { name: picture.experiment } } = this.#options;
    if ('id' in experiment) return ok(experiment.id);
    const found = await client.experiment(experiment.name);
    return found.ok ? ok(found.value.id) : found;
  }

  /** Logs names and values made to fit, with the originals beside them where that changed any. */
  async #log({ id, artifactUri }: Pick<Run, 'id' | 'artifactUri'>, batch: Batch): Promise<Done> {
    const { client } = this.#options;
    const { batch: fitted, originals } = fitting(batch);
    if (!isWhole(originals)) {
      const folder = client.artifacts(artifactUri);
      const put = folder.ok
        ? await folder.value.put(places.originals, textUpload(JSON.stringify(originals)))
        : folder;
      if (!put.ok && !isFinal(put.error)) return put;
    }
    return client.log(id, fitted);
  }

  async #sendCells(picture: RunPicture, run: SentRun): Promise<Done> {
    const { store } = this.#options;
    const makersOf = ({ id, end }: CellPicture): readonly CellId[] =>
      end === undefined
        ? []
        : inputsOf(jobOf(store.attempts.list(picture.run, id).at(-1))).flatMap(
            ({ artifact }) => this.#makers.of(picture, artifact.digest)?.cell ?? [],
          );
    for (const wave of wavesOf(this.#open(picture), makersOf)) {
      const done = await this.#sendWave(picture, run, wave);
      if (!done.ok) return done;
    }
    return ok(undefined);
  }

  #sendWave(picture: RunPicture, run: SentRun, cells: readonly CellPicture[]): Promise<Done> {
    return sendEach(cells, async (cell) => {
      const done = await this.#sendCell(picture, run, cell);
      if (done.ok || !isFinal(done.error)) return done;
      this.sent.note({ kind: 'refused', cell: cell.id, message: done.error.message });
      return ok(undefined);
    });
  }

  #vitalsOf(cell: CellId): VitalsStream {
    const { store, run } = this.#options;
    const vitals = this.#vitals.get(cell) ?? new VitalsStream(store, run, cell);
    this.#vitals.set(cell, vitals);
    return vitals;
  }

  async #sendCell(picture: RunPicture, run: SentRun, cell: CellPicture): Promise<Done> {
    const known = this.sent.cell(cell.id);
    const child = known ? ok(known) : await this.#beginCell(picture, run, cell);
    if (!child.ok) return child;
    const events = await this.#sendEvents(picture, run, cell.id, child.value);
    if (!events.ok) return events;
    const vitals = await this.#vitalsOf(cell.id).send(this.#options.client, child.value.id);
    if (!vitals.ok) return vitals;
    return cell.end || this.#isOver(picture)
      ? this.#finishCell(picture, run, cell, child.value)
      : ok(undefined);
  }

  async #beginCell(
    picture: RunPicture,
    run: SentRun,
    cell: CellPicture,
  ): Promise<Result<SentCell, MlflowProblem>> {
    const { client, store } = this.#options;
    const job = jobOf(store.attempts.list(picture.run, cell.id).at(-1));
    const { name, tags, params } = describeCell(picture, cell, job);
    const made = await client.run({
      ...{ experiment: run.experiment, name, start: cell.started ?? picture.started },
      clientKey: clientKeyOf(picture.run, cell.id),
      tags: { 'mlflow.parentRunId': run.id },
    });
    if (!made.ok) return made;
    const described = await this.#log(made.value, { params, tags });
    if (!described.ok) return described;
    const datasets = datasetsRead(inputsOf(job), { store, run: picture, makers: this.#makers });
    const inputs = await client.inputs(made.value.id, { datasets });
    if (!inputs.ok) return inputs;
    this.sent.note({ kind: 'cell', cell: cell.id, ...placeOf(made.value) });
    // A run that was there already says itself how far its events go.
    const until = sentUntil(made.value);
    if (until) this.sent.note({ kind: 'sent', cell: cell.id, ...until });
    return ok(this.sent.cell(cell.id) ?? placeOf(made.value));
  }

  #sendEvents({ run }: RunPicture, { experiment }: SentRun, cell: CellId, child: SentCell): Promise<Done> {
    const { client, store, traces = true } = this.#options;
    const stream = this.#streams.get(cell) ?? new EventStream(store, run, cell, child);
    this.#streams.set(cell, stream);
    return sendEvents(stream, {
      ...{ client, cell, child, experiment, traces, clientKey: clientKeyOf(run, cell) },
      note: (fact) => this.sent.note(fact),
    });
  }

  async #finishCell(picture: RunPicture, run: SentRun, cell: CellPicture, child: SentCell): Promise<Done> {
    const { client, store, shows = noShows } = this.#options;
    const story = storyOf(store, picture.run, cell);
    const shown = shownOf(store, shows, story) ?? {};
    const clientKey = (point: string): string => clientKeyOf(picture.run, `${cell.id} ${point}` as CellId);
    const showing = { client, picture, run, child, story, shown, clientKey, models: this.#models };
    const told = await sendShown(showing, (to, what) => this.#tell(to, what));
    if (!told.ok) return told;
    const results =
      story.record && cell.end?.status === 'ran' ? await this.#results(child, story.record) : ok(undefined);
    if (!results.ok) return results;
    const end = cell.end?.time ?? picture.end?.time ?? Date.now();
    const updated = await client.update(child.id, { status: statusOfCell(cell), end });
    if (!updated.ok) return updated;
    this.#streams.delete(cell.id);
    this.#vitals.delete(cell.id);
    this.sent.note({ kind: 'done', cell: cell.id, seq: cell.end?.seq ?? 0 });
    return ok(undefined);
  }

  /** Artifacts that the server has no place for cost no run its figures: the run says that they are not there. */
  async #results(child: SentCell, record: Parameters<typeof uploadResult>[2]['record']): Promise<Done> {
    const { client, store, signing } = this.#options;
    const folder = client.artifacts(child.artifacts);
    const uploaded = folder.ok ? await uploadResult(store, folder.value, { record, signing }) : folder;
    if (!uploaded.ok && !isFinal(uploaded.error)) return uploaded;
    const leftOut = uploaded.ok ? uploaded.value.join(', ') : uploaded.error.message;
    return leftOut === ''
      ? ok(undefined)
      : client.log(child.id, fitting({ tags: { 'moft.left_out': leftOut } }).batch);
  }

  async #tell({ id, artifacts }: SentCell, { files, ...batch }: Told): Promise<Done> {
    const folder = this.#options.client.artifacts(artifacts);
    if (folder.ok)
      for (const file of files) {
        if (!('text' in file) && !existsSync(file.from)) continue; // the store has lost it
        const upload = 'text' in file ? textUpload(file.text) : fileUpload(file.from);
        const put = await folder.value.put(file.path, upload);
        if (!put.ok && !isFinal(put.error)) return put;
      }
    return this.#log({ id, artifactUri: artifacts }, batch);
  }

  async #finish(picture: RunPicture, run: SentRun): Promise<Done> {
    const { client } = this.#options;
    const single = await this.#removeDoubles(run);
    if (!single.ok) return single;
    const told = await this.#tellRun(picture, run);
    if (!told.ok) return told;
    const end = picture.end?.time ?? Date.now();
    const updated = await client.update(run.id, { status: statusOfRun(picture), end });
    if (updated.ok) this.sent.note({ kind: 'finished' });
    return updated;
  }

  /** The note and the files on the run, and the views of its experiment. */
  async #tellRun(picture: RunPicture, run: SentRun): Promise<Done> {
    const { store, shows = noShows } = this.#options;
    const { shown, files } = shownInRun(store, shows, picture);
    const datasets = datasetsMade({ store, run: picture, makers: this.#makers });
    const read = await this.#options.client.inputs(run.id, { datasets });
    if (!read.ok && !isFinal(read.error)) return read;
    this.hasViews = await setViews(this.#options.client, run.experiment, { shown, time: picture.started });
    return this.#tell(
      run,
      tellRun(picture, {
        rows: this.#rows(picture),
        shown,
        files,
        page: (id) => `#/experiments/${run.experiment}/runs/${id}`,
        own: run.id,
      }),
    );
  }

  #rows(picture: RunPicture): readonly CellRow[] {
    const { store, client } = this.#options;
    const made = madeBy(store, client.address);
    return [...picture.cells.values()].map((cell) => {
      const server = this.sent.cell(cell.id)?.id ?? made(cell.key, cell.end?.record)?.id;
      return { cell, ...(server === undefined ? {} : { server }) };
    });
  }

  /** A request that was given up may have made a run after we looked, beside the one that was written to. */
  async #removeDoubles(run: SentRun): Promise<Done> {
    const { client } = this.#options;
    const filter = `tags.\`mlflow.parentRunId\` = ${quoted(run.id)}`;
    const children = await client.runs({ experiments: [run.experiment], filter });
    if (!children.ok) return children;
    const ours = new Map(
      [...this.sent.cells].map(([cell, { id }]) => [clientKeyOf(this.#options.run, cell), id]),
    );
    for (const { id, tags } of children.value) {
      const kept = ours.get(tags[clientKeyTag] ?? '');
      const deleted = kept === undefined || kept === id ? ok(undefined) : await client.deleteRun(id);
      if (!deleted.ok) return deleted;
    }
    return ok(undefined);
  }
}

/** What the store can't be read of now may be read in a moment. */
const unread = ({ message, hint }: StoreProblem): Turn => ({
  kind: 'blocked',
  problem: { ...problem('local', message, { hint }), passing: true },
});

const placeOf = ({ id, artifactUri }: Run): { readonly id: string; readonly artifacts: string } => ({
  id,
  artifacts: artifactUri,
});
