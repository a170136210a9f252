/** What a person sees of a cell and of a run that have ended: figures, tables, notes, files. */
import type { Shown, ShownTable } from '../../contract.js';
import type { Metric, Pairs } from '../mlflow/types.js';
import type { RunPicture } from '../outbox/picture.js';
import type { CellStory } from '../outbox/story.js';
import { asTexts, describeCell, present } from './describe.js';
import { cellNote, runNote } from './note.js';
import type { CellRow, RunStory, Told, ToldFile } from './told.js';

const tablePath = (name: string): string => `tables/${name}.json`;

/** A table as the server compares it across runs. */
export const tableFile = ({ name, columns, rows }: ShownTable): ToldFile => ({
  path: tablePath(name),
  text: JSON.stringify({ columns, data: rows }),
});

const tablesTag = (names: readonly string[]): string | undefined =>
  names.length === 0
    ? undefined
    : JSON.stringify(names.map((name) => ({ path: tablePath(name), type: 'table' })));

/** Final figures stand at step 0, where the server draws a bar and not a lone dot. */
export const finalFigures = (
  figures: Readonly<Record<string, number>>,
  timestamp: number,
): readonly Metric[] => Object.entries(figures).map(([key, value]) => ({ key, value, timestamp, step: 0 }));

/** What a cell that has ended leaves beside its metrics and its results. */
export function tellCell(run: RunPicture, story: CellStory, shown: Shown = {}): Told {
  const { cell, job } = story;
  const { end, tries } = cell;
  const { params: given } = describeCell(run, cell, job);
  const extra = Object.entries(asTexts(shown.params ?? {})).filter(([name]) => !(name in given));
  const tables = shown.tables ?? [];
  return {
    params: Object.fromEntries(extra),
    metrics: finalFigures(shown.figures ?? {}, end?.time ?? run.started),
    tags: present({
      'moft.record': end?.record,
      'moft.tries': String(tries),
      'moft.seconds': end?.seconds === undefined ? undefined : String(end.seconds),
      'moft.kept': end?.tainted ? 'no: tainted' : end?.uncacheable ? 'no: uncacheable' : undefined,
      'moft.failure': end?.failure && `${end.failure.class}, ${end.failure.code}: ${end.failure.message}`,
      'mlflow.note.content': cellNote(run, story, shown),
      'mlflow.loggedArtifacts': tablesTag(tables.map(({ name }) => name)),
    }),
    files: tables.map(tableFile),
  };
}

/** What a run that has ended leaves: counts, a note that tells what came of it, and a table of its cells. */
export function tellRun(run: RunPicture, story: RunStory): Told {
  const { end } = run;
  const cells: ShownTable = {
    name: 'cells',
    columns: ['cell', 'status', 'seconds', 'key', 'run'],
    rows: story.rows.map(({ cell, server }) => [
      cell.id,
      cell.end?.status ?? 'killed',
      cell.end?.seconds ?? null,
      cell.key ?? null,
      server ?? null,
    ]),
  };
  const summing = story.shown.filter(({ story: told }) => told !== undefined);
  const figures = Object.fromEntries(
    [countsOf(run), ...summing.map(({ figures: own = {} }) => own)].flatMap((one) => Object.entries(one)),
  );
  return {
    metrics: finalFigures(figures, end?.time ?? run.started),
    tags: present({
      'moft.status': end?.status ?? 'killed',
      'moft.counts': end && JSON.stringify(end.counts),
      'moft.saved_seconds': end && String(end.saved_seconds),
      ...cachedTags(story.rows),
      'mlflow.note.content': runNote(run, story),
      'mlflow.loggedArtifacts': tablesTag(['cells']),
    }),
    files: [tableFile(cells), ...story.files],
  };
}

function countsOf({ end }: RunPicture): Readonly<Record<string, number>> {
  if (!end) return {};
  const { ran, hit, failed, skipped } = end.counts;
  return {
    ...{ 'cells/ran': ran, 'cells/cached': hit, 'cells/failed': failed, 'cells/skipped': skipped },
    ...{ 'seconds/spent': end.seconds, 'seconds/saved': end.saved_seconds },
  };
}

/** Most links from a run to what it was served; all of them stand in the table of its cells. */
const mostLinks = 50;

/** A cached cell is a link to the run that made it. */
function cachedTags(rows: readonly CellRow[]): Pairs {
  const hits = rows.filter(({ cell, server }) => cell.started === undefined && server !== undefined);
  return present(
    Object.fromEntries(
      hits.slice(0, mostLinks).map(({ cell, server }) => [`moft.cached/${cell.id}`, server]),
    ),
  );
}
