/** Computes everything that a report says, once, from the fronts. */
import { type Curve, mainCurves } from './fronts.js';
import { measures } from './measures.js';
import { chooseSamples } from './samples.js';
import { sliceAt } from './slice.js';
import type { Summary } from './types.js';
import { warningsOf } from './warnings.js';

export interface ReportText {
  readonly title: string;
  readonly description: string;
  /** How many prompts are shown. */
  readonly samples: number;
  readonly margin: number;
}

/** The report as data: a slice for every alpha, warnings, and samples. */
export function summarise(curves: readonly Curve[], text: ReportText): Summary {
  const objectives = curves[0]?.replicates[0]?.front.objectives ?? [];
  const { margin } = text;
  const main = mainCurves(curves);
  const slices = alphasOf(curves).map((alpha) => sliceAt(curves, alpha, { objectives, margin }));
  return {
    v: 1,
    title: text.title || `Trade-offs of ${objectives.join(', ')}`,
    description: text.description,
    objectives,
    curves: main.map((curve) => curve.name),
    measures,
    margin,
    slices,
    warnings: warningsOf(slices),
    samples: chooseSamples(main, text.samples),
  };
}

function alphasOf(curves: readonly Curve[]): number[] {
  const all = curves.flatMap((curve) =>
    curve.replicates.flatMap((replicate) => replicate.front.points.map((point) => point.alpha)),
  );
  return [...new Set(all)].sort((a, b) => a - b);
}
