/**
 * What a person sees on the server: names, tags, params, notes and tables of a run and of its cells. Pure functions of
 * what the journal, the attempts and the records say, so that whoever sends, whenever, sends the same.
 */
import path from 'node:path';
import type { Job } from '../../../schemas/protocol.js';
import type { RunStatus as ServerStatus, DatasetInput, Pairs } from '../mlflow/types.js';
import type { CellPicture, RunPicture } from './picture.js';
import { flattened, type CellStory } from './story.js';

/** A text that becomes an artifact. */
export interface TextArtifact {
  readonly path: string;
  readonly text: string;
}

export interface Described {
  readonly name: string;
  readonly tags: Pairs;
  readonly params: Pairs;
}

export interface Told {
  readonly tags: Pairs;
  readonly artifacts: readonly TextArtifact[];
}

/** A cell of a run as the table of its parent shows it. */
export interface CellRow {
  readonly cell: CellPicture;
  /** Its run on the server, or that of the run that made it where it was a hit; undefined where that isn't known. */
  readonly server?: string;
}

const present = (pairs: Readonly<Record<string, string | undefined>>): Pairs =>
  Object.fromEntries(Object.entries(pairs).filter((pair): pair is [string, string] => pair[1] !== undefined));

/** Tags that both a run and its cells carry. */
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

/** `stage/axis=value,axis=value`, taken apart. */
export function partsOf(id: string): { readonly stage: string; readonly coordinates: Pairs } {
  const [stage = '', rest = ''] = id.split('/', 2);
  const pairs = rest
    .split(',')
    .filter((part) => part !== '')
    .map((part): [string, string] => [part.slice(0, part.indexOf('=')), part.slice(part.indexOf('=') + 1)]);
  return { stage, coordinates: Object.fromEntries(pairs) };
}

export function describeCell(run: RunPicture, cell: CellPicture, job: Job | undefined): Described {
  const { stage, coordinates } = partsOf(cell.id);
  const axes = Object.fromEntries(
    Object.entries(coordinates).map(([axis, value]) => [`moft.axis.${axis}`, value]),
  );
  return {
    name: cell.id,
    tags: present({
      ...sharedTags(run),
      ...axes,
      'moft.role': 'cell',
      'moft.cell': cell.id,
      'moft.stage': stage,
      'moft.key': cell.key,
      'moft.kind': job?.kind,
    }),
    params: {
      ...(job ? flattened(job.with) : {}),
      ...(job?.seed === undefined ? {} : { seed: String(job.seed) }),
      ...coordinates,
    },
  };
}

/** The datasets that a cell read, by the first 36 digits of their digest. */
export function datasetsOf(job: Job | undefined): readonly DatasetInput[] {
  return Object.entries(job?.inputs ?? {}).flatMap(([name, input]) => {
    if (Array.isArray(input) || input.type !== 'dataset') return [];
    return [
      {
        name,
        digest: input.digest.slice(0, 36),
        sourceType: 'moft',
        source: JSON.stringify({ digest: input.digest }),
        context: name,
      },
    ];
  });
}

/** What a cell that has ended leaves beside its metrics and its results. */
export function tellCell(story: CellStory): Told {
  const { end, tries } = story.cell;
  return {
    tags: present({
      'moft.record': end?.record,
      'moft.tries': String(tries),
      'moft.seconds': end?.seconds === undefined ? undefined : String(end.seconds),
      'moft.kept': end?.tainted ? 'no: tainted' : end?.uncacheable ? 'no: uncacheable' : undefined,
      'moft.failure': end?.failure && `${end.failure.class}, ${end.failure.code}: ${end.failure.message}`,
      'mlflow.note.content':
        story.notes.length > 0 ? story.notes.map(({ markdown }) => markdown).join('\n\n') : undefined,
    }),
    artifacts: [],
  };
}

/** What a run that has ended leaves: counts, a note, and a table of its cells. */
export function tellRun(run: RunPicture, rows: readonly CellRow[]): Told {
  const { end } = run;
  const columns = ['cell', 'status', 'seconds', 'key', 'run'];
  const data = rows.map(({ cell, server }) => [
    cell.id,
    cell.end?.status ?? 'killed',
    cell.end?.seconds ?? null,
    cell.key ?? null,
    server ?? null,
  ]);
  return {
    tags: present({
      'moft.status': end?.status ?? 'killed',
      'moft.counts': end && JSON.stringify(end.counts),
      'moft.saved_seconds': end && String(end.saved_seconds),
      'mlflow.note.content': noteOf(run, rows),
      'mlflow.loggedArtifacts': JSON.stringify([{ path: 'cells.json', type: 'table' }]),
    }),
    artifacts: [{ path: 'cells.json', text: JSON.stringify({ columns, data }) }],
  };
}

const mostRows = 50;

function noteOf(run: RunPicture, rows: readonly CellRow[]): string {
  const lines = rows.slice(0, mostRows).map(({ cell, server }) => {
    const status = cell.end?.status ?? 'killed';
    return `| ${cell.id} | ${status} | ${server ?? ''} |`;
  });
  const more = rows.length > mostRows ? [`\n${rows.length - mostRows} more stand in cells.json.`] : [];
  const { ran = 0, hit = 0, failed = 0, skipped = 0 } = run.end?.counts ?? {};
  return [
    `**${run.pipeline}**, run ${run.run}: ${ran} ran, ${hit} hit, ${failed} failed, ${skipped} skipped`,
    '',
    '| cell | status | run that made it |',
    '| --- | --- | --- |',
    ...lines,
    ...more,
  ].join('\n');
}

/** The server's word for how a cell ended; one that a kill or a stop cut short was killed. */
export function statusOfCell({ end }: CellPicture): ServerStatus {
  switch (end?.status) {
    case 'ran':
    case 'hit':
      return 'FINISHED';
    case 'failed':
      return 'FAILED';
    case 'skipped':
    case undefined:
      return 'KILLED';
  }
}

export function statusOfRun({ end }: RunPicture): ServerStatus {
  switch (end?.status) {
    case 'done':
      return 'FINISHED';
    case 'failed':
    case 'environment':
      return 'FAILED';
    case 'interrupted':
    case undefined:
      return 'KILLED';
  }
}
