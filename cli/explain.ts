import { dirname } from 'node:path';
import type { Explanation } from '../runner/plan/index.js';
import { matchOne } from './cells.js';
import { jsonOption, valueOptions, type CommandSpec } from './command.js';
import { exitCode } from './exit.js';
import type { CliHost } from './host.js';
import { loadChecked, makePlan, open, printJson, storeRoot } from './load.js';
import { flag } from './options.js';
import { plannedJson } from './plan.js';
import { clean } from './text.js';

const spec: CommandSpec = {
  usage: 'explain <file> <cell>',
  description: 'Say why a cell would run or be served, down to the root causes',
  options: [...valueOptions, jsonOption],
  examples: [
    'explain pipelines/quickstart.yaml clp/conditioning=full,seed=0',
    'explain experiment.yaml reference/seed=0 --json',
  ],
  async run([file, pattern], options, host) {
    const pipeline = await loadChecked(file, options, host);
    const cell = await matchOne(pipeline.cells, pattern ?? '');
    const store = await open(storeRoot(dirname(pipeline.file), host), 'read', host);
    if (!store) return exitCode.environment;
    const planned = await makePlan(pipeline, store, host);
    if (!planned.ok) return planned.exit;
    const { explainCell } = await import('../runner/plan/index.js');
    const explanation = explainCell(planned.plan, store, cell.id);
    if (flag(options, 'json')) printJson(explanationJson(explanation), host);
    else await printExplanation(explanation, host);
    return exitCode.done;
  },
};
export default spec;

function explanationJson({ cell, against, causes }: Explanation): Record<string, unknown> {
  return {
    ...plannedJson(cell),
    ...(against ? { against: { run: against.run, record: against.record.digest } } : {}),
    causes: causes.map((cause) => ({
      cell: cause.cell,
      depth: cause.depth,
      status: cause.status,
      reason: { code: cause.reason.code, message: cause.reason.message, changes: cause.reason.changes },
    })),
  };
}

async function printExplanation({ cell, against, causes }: Explanation, host: CliHost): Promise<void> {
  const { describeChange } = await import('../runner/plan/index.js');
  const lines = [`${cell.cell.id}: ${cell.status}`];
  if (against) lines.push(`  compared with run ${against.run}`);
  for (const cause of causes) {
    const indent = '  '.repeat(cause.depth + 1);
    lines.push(`${indent}${cause.cell}: ${cause.reason.message}`);
    for (const change of cause.reason.changes) {
      const place =
        'place' in change ? ` (${change.place.file}:${change.place.line}:${change.place.column})` : '';
      lines.push(`${indent}  ${describeChange(change)}${place}`);
    }
  }
  if (cell.key !== undefined) lines.push(`  key ${cell.key}`);
  host.stdout.write(clean(`${lines.join('\n')}\n`));
}
