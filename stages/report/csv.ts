/** fronts.csv: every point of every front, one a line, with the names of summary.json. */
import type { CurveSummary, SeedPoint, Slice, Summary } from './types.js';

/** RFC 4180 with a header; numbers in their shortest exact form, an empty field for what is not known. */
export function frontsCsv(summary: Summary): string {
  const rows = summary.slices.flatMap((slice) => {
    const curves = slice.optimum ? [...slice.curves, slice.optimum] : slice.curves;
    return curves.flatMap((curve) => curveRows(curve, slice));
  });
  return [header(summary.objectives), ...rows].map((row) => row.map(field).join(',') + '\r\n').join('');
}

function header(objectives: readonly string[]): string[] {
  const each = (prefix: string): string[] => objectives.map((name) => `${prefix}/${name}`);
  const first = ['curve', 'method', 'seed', 'alpha', ...each('weight'), ...each('reward'), ...each('stderr')];
  return [...first, 'kl', 'value', 'reference_value', 'regret', 'length', 'entropy', 'invalid_mass'];
}

function curveRows(curve: CurveSummary, slice: Slice): Cell[][] {
  return curve.seeds.flatMap(({ seed, points }) =>
    points.map((point) => [curve.name, curve.method, seed, slice.alpha, ...pointCells(point)]),
  );
}

type Cell = string | number | null;

function pointCells(point: SeedPoint): Cell[] {
  const { weights, rewards, stderr, kl, value, referenceValue, regret, length, entropy, invalidMass } = point;
  const errors: Cell[] = weights.map((_, k) => stderr?.[k] ?? null);
  return [...weights, ...rewards, ...errors, kl, value, referenceValue, regret, length, entropy, invalidMass];
}

function field(cell: Cell): string {
  const text = cell === null ? '' : String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
