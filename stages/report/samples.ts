/** Chooses the samples that a page shows: the same prompts and trade-offs for every curve. */
import type { FrontSample } from '../../schemas/artifact.js';
import type { Curve, Replicate } from './fronts.js';
import { isMiddle } from './points.js';
import type { SampleAnswer, SampleGroup, SampleRow } from './types.js';

/** The first `count` prompts of the first curve, each at the corners and in the middle of the simplex. */
export function chooseSamples(curves: readonly Curve[], count: number): SampleGroup[] {
  const all = curves.flatMap((curve) => firstReplicate(curve)?.front.samples ?? []);
  const prompts = [...new Set(all.map((sample) => sample.prompt))].slice(0, count);
  return prompts.map((prompt) => ({ prompt, rows: sampleRows(curves, all, prompt) }));
}

function sampleRows(curves: readonly Curve[], all: readonly FrontSample[], prompt: string): SampleRow[] {
  const asked = new Map<string, FrontSample>();
  for (const sample of all) {
    const name = tradeOffName(sample);
    if (sample.prompt === prompt && isTelling(sample.weights) && !asked.has(name)) asked.set(name, sample);
  }
  const rows = [...asked.values()].sort(byTradeOff);
  return rows.map((row) => ({
    alpha: row.alpha,
    weights: row.weights,
    answers: curves.map((curve) => answer(firstReplicate(curve), prompt, row)),
  }));
}

/** Corners and the middle tell most; points between them would fill the page. */
function isTelling(weights: readonly number[]): boolean {
  return weights.some((w) => w === 1) || isMiddle({ weights });
}

function answer(replicate: Replicate | undefined, prompt: string, row: FrontSample): SampleAnswer | null {
  const found = replicate?.front.samples.find(
    (sample) => sample.prompt === prompt && tradeOffName(sample) === tradeOffName(row),
  );
  return found && replicate
    ? { seed: replicate.seed, response: found.response, rewards: found.rewards }
    : null;
}

function firstReplicate(curve: Curve): Replicate | undefined {
  return curve.replicates[0];
}

function tradeOffName(tradeOff: { alpha: number; weights: readonly number[] }): string {
  return JSON.stringify([tradeOff.alpha, tradeOff.weights]);
}

/** By alpha, then from the first objective's corner to the last one's. */
function byTradeOff(a: FrontSample, b: FrontSample): number {
  if (a.alpha !== b.alpha) return a.alpha - b.alpha;
  const difference = a.weights.map((w, i) => (b.weights[i] ?? 0) - w).find((d) => d !== 0);
  return difference ?? 0;
}
