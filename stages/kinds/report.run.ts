import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Static } from 'typebox';
import { type Emit, type StageJob, listInput } from '../../runner/contract.js';
import { drawCharts } from '../report/charts/draw.js';
import { ablationsCsv, frontsCsv } from '../report/csv.js';
import { readCurves } from '../report/fronts.js';
import { page } from '../report/page/page.js';
import { summarise } from '../report/summary.js';
import type { ReportWith } from './report.js';

/** Reads the fronts, computes every figure once, and writes the page beside its data. */
export async function run(
  job: StageJob<Static<typeof ReportWith>>,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  const curves = await readCurves(listInput(job, 'fronts'));
  const summary = summarise(curves, job.with);
  for (const text of summary.warnings) emit({ type: 'log', level: 'warning', text });

  signal.throwIfAborted();
  const charts = await drawCharts(summary);

  const folder = job.outputs.report?.path;
  if (folder === undefined)
    throw new Error('internal error: no output `report` in the job; please report it');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'summary.json'), JSON.stringify(summary, null, 1) + '\n');
  await writeFile(join(folder, 'fronts.csv'), frontsCsv(summary));
  if (summary.slices.some(({ ablations }) => ablations.length > 0))
    await writeFile(join(folder, 'ablations.csv'), ablationsCsv(summary));
  await writeFile(join(folder, 'front.svg'), charts.slices[0]?.front ?? charts.alpha ?? emptySvg);
  await writeFile(join(folder, 'index.html'), page(summary, charts));
}

/** One reward at one alpha is a point: there is no front to draw. */
const emptySvg = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"></svg>\n';
