/** The notes on a run and on a cell: markdown that tells in ten seconds what came of it. */
import type { Shown } from '../../contract.js';
import type { RunPicture } from '../outbox/picture.js';
import type { CellStory } from '../outbox/story.js';
import { partsOf, shortName } from './names.js';
import type { CellRow, RunStory } from './told.js';

/** Links to single cells that a note holds; all cells stand in a table beside it. */
const mostRows = 40;
/** The server keeps this much of a tag; what is cut stays in the artifacts. */
const mostCharacters = 7_800;

export function runNote(run: RunPicture, story: RunStory): string {
  const { rows, shown, files, page, own } = story;
  const verdicts = shown.flatMap(({ verdict }) => (verdict === undefined ? [] : [`**${verdict}**`]));
  const stories = shown.flatMap(({ story: told = [] }) => told);
  // The page shows the first few lines until it is asked for more.
  const head = [...verdicts, headline(run), ...links(files, page(own)), ...stories, stageTable(rows)];
  const body = [...head, cellTable(rows, page)].join('\n\n');
  return body.length <= mostCharacters ? body : head.join('\n\n').slice(0, mostCharacters);
}

function headline({ pipeline, run, source, end }: RunPicture): string {
  const { ran = 0, hit = 0, failed = 0, skipped = 0 } = end?.counts ?? {};
  const counts = [
    `${ran} ran`,
    `${hit} cached`,
    ...(failed ? [`${failed} failed`] : []),
    ...(skipped ? [`${skipped} skipped`] : []),
  ];
  const spent = end ? ` in ${duration(end.seconds)}` : '';
  const saved = end && end.saved_seconds > 0 ? `, ${duration(end.saved_seconds)} saved by the cache` : '';
  const commit = source.commit?.slice(0, 10);
  const state = commit === undefined ? '' : ` · commit \`${commit}\`${source.dirty ? ' with changes' : ''}`;
  return `${pipeline}: ${words[end?.status ?? 'killed']}${spent}: ${counts.join(', ')}${saved}${state} · \`${run}\``;
}

const words = {
  done: 'done',
  failed: 'failed',
  environment: 'stopped by the disk',
  interrupted: 'interrupted',
  killed: 'killed',
} as const;

function links(files: RunStory['files'], page: string): readonly string[] {
  if (files.length === 0) return [];
  return [files.map(({ path }) => `[${path}](${page}/artifacts/${path})`).join(' · ')];
}

/** What ran and what was cached, stage by stage. */
function stageTable(rows: readonly CellRow[]): string {
  const counts = new Map<string, { ran: number; hit: number; other: number; seconds: number }>();
  for (const { cell } of rows) {
    const { stage } = partsOf(cell.id);
    const count = counts.get(stage) ?? { ran: 0, hit: 0, other: 0, seconds: 0 };
    const status = cell.end?.status;
    count[status === 'ran' || status === 'hit' ? status : 'other'] += 1;
    if (status === 'ran') count.seconds += cell.end?.seconds ?? 0;
    counts.set(stage, count);
  }
  return [
    '| stage | ran | cached | not done | time |',
    '| --- | ---: | ---: | ---: | ---: |',
    ...[...counts].map(
      ([stage, { ran, hit, other, seconds }]) =>
        `| ${stage} | ${ran} | ${hit} | ${other} | ${ran > 0 ? duration(seconds) : ''} |`,
    ),
  ].join('\n');
}

function cellTable(rows: readonly CellRow[], page: RunStory['page']): string {
  const lines = rows.slice(0, mostRows).map(({ cell, server }) => {
    const name = shortName(cell.id);
    const status = cell.end?.status === 'hit' ? 'cached' : (cell.end?.status ?? 'killed');
    return `| ${server === undefined ? name : `[${name}](${page(server)})`} | ${status} |`;
  });
  const more =
    rows.length > mostRows ? [`\n${rows.length - mostRows} more stand in the table \`cells\`.`] : [];
  return ['| cell, and the run that made it | |', '| --- | --- |', ...lines, ...more].join('\n');
}

/** Its failure, what it says itself, and what its kind says of it. */
export function cellNote(run: RunPicture, { cell, notes }: CellStory, shown: Shown): string | undefined {
  const { failure } = cell.end ?? {};
  const parts = [
    ...(failure ? [`**${failure.class}, ${failure.code}**: ${failure.message}`] : []),
    ...notes.map(({ markdown }) => markdown),
    ...(shown.note === undefined ? [] : [shown.note]),
    `Cell \`${cell.id}\` of the pipeline ${run.pipeline}.`,
  ];
  return parts.join('\n\n').slice(0, mostCharacters);
}

export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds < 10 ? Math.round(seconds * 10) / 10 : Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${whole % 60} s`;
}
