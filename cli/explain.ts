import { dirname } from 'node:path';
import type { Cause, Explanation, Mention, ShowPlace } from '../runner/plan/index.js';
import { matchOne } from './cells.js';
import { jsonOption, valueOptions, type CommandSpec } from './command.js';
import { engineFlag, engineOption } from './engine-option.js';
import { exitCode } from './exit.js';
import { forcedCells, forceOption } from './force.js';
import type { CliHost } from './host.js';
import { loadChecked, makePlan, open, printJson, relativeTo, storeRoot } from './load.js';
import { flag } from './options.js';
import { plannedJson } from './plan.js';
import { outside, requireHits, select, selectionOptions } from './select.js';
import { clean, oneLine } from './text.js';

const spec: CommandSpec = {
  usage: 'explain <file> <cell>',
  description: 'Say why a cell would run or be served, down to the root causes',
  options: [...valueOptions, ...selectionOptions, forceOption, engineFlag, jsonOption],
  examples: [
    'explain pipelines/quickstart.yaml clp/conditioning=full,seed=0',
    'explain experiment.yaml reference/seed=0 --json',
  ],
  async run([file, pattern], options, host) {
    const backend = engineOption(options);
    const { pipeline, support } = await select(await loadChecked(file, options, host), options);
    const cell = await matchOne(pipeline.cells, pattern ?? '');
    const store = await open(storeRoot(dirname(pipeline.file), host), 'read', host);
    if (!store) return exitCode.environment;
    const planned = await makePlan(pipeline, store, host, {
      forced: await forcedCells(outside(support, pipeline.cells), options),
      backend,
    });
    if (!planned.ok) return planned.exit;
    requireHits(planned.plan, support);
    const { explainCell, plainPlace } = await import('../runner/plan/index.js');
    const show: ShowPlace = (place) => plainPlace({ ...place, file: relativeTo(place.file, host) });
    const explanation = explainCell(planned.plan, store, cell.id, show);
    if (flag(options, 'json')) printJson(explanationJson(explanation), host);
    else await printExplanation(explanation, show, host);
    return exitCode.done;
  },
};
export default spec;

function explanationJson({
  cell,
  headline,
  against,
  causes,
  mentions,
}: Explanation): Record<string, unknown> {
  return {
    ...plannedJson(cell),
    headline,
    ...(against ? { against: { run: against.run, record: against.record.digest } } : {}),
    causes: causes.map(({ cell: id, depth, of, status, reason }) => ({
      cell: id,
      depth,
      ...(of === undefined ? {} : { of }),
      status,
      reason: { code: reason.code, message: reason.message, changes: reason.changes },
    })),
    runs: mentions.map(({ run, bound, try: tried }) => ({
      run: run.run,
      started: run.started,
      ...(bound ? { how: bound.how, key: bound.key } : { how: tried?.how, key: tried?.key }),
      ...(bound?.forced ? { forced: bound.forced } : {}),
      ...(tried?.failure ? { failure: tried.failure } : {}),
    })),
  };
}

async function printExplanation(
  { cell, headline, against, causes, mentions }: Explanation,
  show: ShowPlace,
  host: CliHost,
): Promise<void> {
  const { describeChange } = await import('../runner/plan/index.js');
  const causeLines = ({ cell: id, depth, status, reason }: Cause): string[] => {
    const indent = '  '.repeat(depth + 2);
    const told = reason.changes.map((change) => {
      const place = 'place' in change ? ` (${show(change.place)})` : '';
      return `${indent}  ${describeChange(change)}${place}`;
    });
    // A changed cell's message is the sum of its changes, which stand below.
    const message = told.length > 0 ? '' : `: ${oneLine(reason.message)}`;
    return [`${indent}${id}  ${status}, ${reason.code}${message}`, ...told];
  };
  const lines = [headline, `  status  ${cell.status}`];
  if (cell.key !== undefined) lines.push(`  key     ${cell.key}`);
  for (const note of [cell.foreign, cell.mixed]) if (note !== undefined) lines.push(`  ${note}`);
  if (cell.status !== 'hit') {
    lines.push(against ? `  causes, compared with run ${against.run}` : '  causes');
    lines.push(...causes.flatMap(causeLines));
  }
  if (mentions.length > 0) lines.push('  in the newest runs', ...mentions.map(mentionLine));
  host.stdout.write(clean(`${lines.join('\n')}\n`));
}

function mentionLine({ run, bound, try: tried }: Mention): string {
  const failure = tried?.failure ? `: ${oneLine(tried.failure.message)}` : '';
  const forced = bound?.forced ? `, forced: ${forcedWords[bound.forced]}` : '';
  return `    ${run.run}  ${bound?.how ?? tried?.how ?? ''}${forced}${failure}`;
}

const forcedWords = {
  same: 'the same bytes again',
  different: 'other bytes, kept beside the result that stands',
  tainted: 'not kept, as the code or what it reads in place changed meanwhile',
} as const;
