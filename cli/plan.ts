import type { Plan, PlannedCell } from '../runner/plan/index.js';
import { jsonOption, valueOptions, type CommandSpec } from './command.js';
import { exitCode } from './exit.js';
import type { CliHost } from './host.js';
import { loadChecked, makePlan, open, printJson, storeRoot } from './load.js';
import { flag } from './options.js';
import { clean, columns, counted, oneLine } from './text.js';
import { dirname } from 'node:path';

const spec: CommandSpec = {
  usage: 'plan <file>',
  description: 'Show what would run and why; runs nothing and writes nothing',
  options: [...valueOptions, jsonOption],
  examples: ['plan pipelines/quickstart.yaml', 'plan experiment.yaml --set stages.clp.with.steps=50'],
  async run([file], options, host) {
    const pipeline = await loadChecked(file, options, host);
    const store = await open(storeRoot(dirname(pipeline.file), host), 'read', host);
    if (!store) return exitCode.environment;
    const planned = await makePlan(pipeline, store, host);
    if (!planned.ok) return planned.exit;
    if (flag(options, 'json')) printJson(planJson(planned.plan), host);
    else printPlan(planned.plan, host);
    return exitCode.done;
  },
};
export default spec;

function planJson({ pipeline, cells, counts }: Plan): Record<string, unknown> {
  return { pipeline: pipeline.name, cells: cells.map(plannedJson), counts };
}

/** A planned cell as `plan --json` and `explain --json` show it. */
export function plannedJson({ cell, status, key, reason }: PlannedCell): Record<string, unknown> {
  return {
    id: cell.id,
    stage: cell.stage,
    coordinates: cell.coordinates,
    kind: cell.kind,
    status,
    ...(key === undefined ? {} : { key }),
    reason: { code: reason.code, message: reason.message, changes: reason.changes },
    needs: cell.needs,
  };
}

function printPlan(plan: Plan, host: CliHost): void {
  const { pipeline, cells, counts } = plan;
  for (const remark of pipeline.remarks) host.stdout.write(clean(`note: ${remark}\n`));
  const rows = cells.map((planned) => [planned.status, planned.cell.id, why(planned)]);
  for (const line of columns(rows)) host.stdout.write(`${clean(line)}\n`);
  const parts = [`${counts.hit} hit`, `${counts.run} run`, `${counts.depends} depend on what runs`];
  host.stdout.write(clean(`${pipeline.name}: ${counted(cells.length, 'cell')}: ${parts.join(', ')}\n`));
}

function why({ status, reason, foreign }: PlannedCell): string {
  if (status !== 'hit') return oneLine(reason.message);
  return foreign === undefined ? '' : oneLine(foreign);
}
