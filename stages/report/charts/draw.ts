/** All charts of a report. */
import type { Charts, SliceCharts } from '../page/page.js';
import type { Slice, Summary } from '../types.js';
import { alphaSpec } from './across-alpha.js';
import { steeringSpec, valueSpec } from './against-weight.js';
import { frontSpec } from './front.js';
import { render } from './render.js';

/** Draws what the summary has figures for. */
export async function drawCharts(summary: Summary): Promise<Charts> {
  const slices: SliceCharts[] = [];
  for (const slice of summary.slices) slices.push(await drawSlice(slice, summary.objectives));
  const alpha = alphaSpec(summary.slices);
  return {
    slices,
    ...(alpha ? { alpha: await render(alpha, 'Reward against KL as alpha changes') } : {}),
  };
}

async function drawSlice(slice: Slice, objectives: readonly string[]): Promise<SliceCharts> {
  if (objectives.length < 2) return {};
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
