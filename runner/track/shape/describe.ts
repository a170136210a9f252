/**
 * What a person sees of a run, of its cells and of their points when they begin: names, tags and params. Pure functions
 * of what the journal, the attempts and the records say, so that whoever sends, whenever, sends the same.
 */
import path from 'node:path';
import type { Job } from '../../../schemas/protocol.js';
import type { ShownPoint } from '../../contract.js';
import type { Pairs } from '../mlflow/types.js';
import type { CellPicture, RunPicture } from '../outbox/picture.js';
import { flattened } from '../outbox/story.js';
import { Colours, partsOf, pointName, seriesOf, shortName } from './names.js';

export interface Described {
  readonly name: string;
  readonly tags: Pairs;
  readonly params: Pairs;
}

export const present = (pairs: Readonly<Record<string, string | undefined>>): Pairs =>
  Object.fromEntries(Object.entries(pairs).filter((pair): pair is [string, string] => pair[1] !== undefined));

export const asTexts = (values: Readonly<Record<string, number | string>>): Pairs =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));

/** Tags that a run, its cells and their points carry. */
function sharedTags({ run, pipeline, file, source }: RunPicture): Pairs {
  return present({
    'mlflow.user': source.user,
    'mlflow.source.name': path.basename(file),
    'mlflow.source.type': 'PROJECT',
    'mlflow.source.git.commit': source.commit,
    'mlflow.source.git.branch': source.branch,
    'moft.run': run,
    'moft.pipeline': pipeline,
    'moft.git.dirty': source.dirty === undefined ? undefined : String(source.dirty),
  });
}

export function describeRun(run: RunPicture): Described {
  return {
    name: run.pipeline,
    tags: { ...sharedTags(run), 'moft.role': 'run' },
    params: flattened(run.params),
  };
}

/** Made once for as many cells as there are: a run of thousands would look through all of them for each. */
const made = new WeakMap<RunPicture['cells'], { readonly count: number; readonly colours: Colours }>();

function coloursOf({ cells }: RunPicture): Colours {
  const before = made.get(cells);
  if (before?.count === cells.size) return before.colours;
  const colours = new Colours(cells.keys());
  made.set(cells, { count: cells.size, colours });
  return colours;
}

/** Of a cell and of its points; what names the cell itself is its own. */
function cellTags(run: RunPicture, id: string): Pairs {
  const { stage, coordinates } = partsOf(id);
  const axes = Object.entries(coordinates).map(([axis, value]) => [`moft.axis.${axis}`, value]);
  return present({
    ...sharedTags(run),
    ...(Object.fromEntries(axes) as Pairs),
    'mlflow.runColor': coloursOf(run).of(id),
    'moft.stage': stage,
    'moft.series': seriesOf(id),
  });
}

export function describeCell(run: RunPicture, cell: CellPicture, job: Job | undefined): Described {
  return {
    name: shortName(cell.id),
    tags: present({
      ...cellTags(run, cell.id),
      'moft.role': 'cell',
      'moft.cell': cell.id,
      'moft.key': cell.key,
      'moft.kind': job?.kind,
    }),
    params: {
      ...(job ? flattened(job.with) : {}),
      ...(job?.seed === undefined ? {} : { seed: String(job.seed) }),
      ...partsOf(cell.id).coordinates,
    },
  };
}

/** One answer of a cell, as a run below the cell's: its params are numbers, so that charts draw it. */
export function describePoint(run: RunPicture, cell: CellPicture, { name, params }: ShownPoint): Described {
  return {
    name: pointName(cell.id, name),
    tags: { ...cellTags(run, cell.id), 'moft.role': 'point', 'moft.of': cell.id, 'moft.point': name },
    params: { ...partsOf(cell.id).coordinates, ...asTexts(params) },
  };
}
