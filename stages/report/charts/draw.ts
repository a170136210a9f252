/** All charts of a report. */
import type { Charts, SliceCharts } from '../page/page.js';
import type { Measure, Slice, Summary } from '../types.js';
import { alphaSpec } from './across-alpha.js';
import { steeringSpec, valueSpec } from './against-weight.js';
import { forestSpec } from './forest.js';
import { frontSpec } from './front.js';
import { render } from './render.js';

/** Draws what the summary has figures for. */
export async function drawCharts(summary: Summary): Promise<Charts> {
  const slices: SliceCharts[] = [];
  for (const slice of summary.slices)
    slices.push({
      ...(await drawSlice(slice, summary.objectives)),
      ...(await drawAblations(slice, summary.measures)),
    });
  const alpha = alphaSpec(summary.slices);
  return {
    slices,
    ...(alpha ? { alpha: await render(alpha, 'Reward against KL as alpha changes') } : {}),
  };
}

async function drawAblations(slice: Slice, measures: readonly Measure[]): Promise<SliceCharts> {
  const spec = forestSpec(slice, measures);
  if (!spec) return {};
  return { ablations: await render(spec, 'What each variant changes against its twin, measure by measure') };
}

async function drawSlice(slice: Slice, objectives: readonly string[]): Promise<SliceCharts> {
  if (objectives.length < 2 || slice.curves.length === 0) return {};
  const front = await render(
    frontSpec(slice, objectives),
    `Trade-off front of ${objectives.join(', ')} for ${slice.curves.map((curve) => curve.name).join(', ')}`,
  );
  if (objectives.length > 2) return { front };
  return {
    front,
    value: await render(
      valueSpec(slice, objectives),
      slice.exact ? 'V-regret at each weight' : 'V at each weight',
    ),
    steering: await render(steeringSpec(slice, objectives), 'Each reward at each weight'),
  };
}
