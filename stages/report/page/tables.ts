/** The page's tables; every cell is a number of the summary. */
import { curveColour } from '../charts/palette.js';
import { optimumName } from '../charts/series.js';
import { directed } from '../measures.js';
import type { Change, CurveSummary, Difference, Estimate, Measure, Slice, Summary } from '../types.js';
import { type Html, html, nothing, trusted } from './html.js';
import { counted, fixed, interval, pText, unknown, weightsText } from './numbers.js';
import { table } from './table.js';

/** Curves x measures: mean over seeds with its interval; bold is the best mean, which is no verdict. */
export function measureTable(summary: Summary, slice: Slice, group: Measure['group']): Html {
  const measures = shownMeasures(summary, slice).filter((measure) => measure.group === group);
  const rows = slice.curves.map((curve) => {
    const cells = measures.map((measure) => estimateCell(curve.figures[measure.id], measure, slice));
    return html`<tr>
      ${curveHead(curve)}${cells}
      <td>${curve.seeds.length}</td>
    </tr>`;
  });
  return table(
    ['curve', ...measures.map(directed), 'n'],
    slice.optimum ? [...rows, boundRow(slice.optimum, measures)] : rows,
  );
}

function estimateCell(estimate: Estimate | undefined, measure: Measure, slice: Slice): Html {
  const { mean, range } = interval(estimate, measure.digits);
  const small = range === '' ? nothing : html`<small>${range}</small>`;
  return isBest(estimate, measure, slice)
    ? html`<td class="best">${mean}${small}</td>`
    : html`<td>${mean}${small}</td>`;
}

function isBest(estimate: Estimate | undefined, measure: Measure, slice: Slice): boolean {
  if (measure.better === 'neither' || slice.curves.length < 2) return false;
  const means = slice.curves.flatMap((curve) => curve.figures[measure.id]?.mean ?? []);
  const best = measure.better === 'lower' ? Math.min(...means) : Math.max(...means);
  return estimate?.mean === best;
}

function boundRow(optimum: CurveSummary, measures: readonly Measure[]): Html {
  const cells = measures.map(
    (measure) => html`<td>${fixed(optimum.figures[measure.id]?.mean, measure.digits)}</td>`,
  );
  return html`<tr class="bound">
    <th scope="row">${optimumName}</th>
    ${cells}
    <td></td>
  </tr>`;
}

/** Every seed on its own row. */
export function seedTable(summary: Summary, slice: Slice, group: Measure['group']): Html {
  const measures = shownMeasures(summary, slice).filter((measure) => measure.group === group);
  const rows = slice.curves.flatMap((curve) =>
    curve.seeds.map((seed) => {
      const cells = measures.map(
        (measure) => html`<td>${fixed(seed.figures[measure.id], measure.digits)}</td>`,
      );
      return html`<tr>
        ${curveHead(curve)}
        <td>${seed.seed}</td>
        ${cells}
      </tr>`;
    }),
  );
  return table(['curve', 'seed', ...measures.map((measure) => measure.title)], rows);
}

/** One measure, curves x seeds: the pairs that differences are taken of. */
export function pairedTable(slice: Slice, measure: Measure): Html {
  const seeds = [...new Set(slice.curves.flatMap((curve) => curve.seeds.map((seed) => seed.seed)))];
  const rows = slice.curves.map((curve) => {
    const cells = seeds.map((name) => {
      const seed = curve.seeds.find((candidate) => candidate.seed === name);
      return html`<td>${fixed(seed?.figures[measure.id], measure.digits)}</td>`;
    });
    return html`<tr>
      ${curveHead(curve)}${cells}
    </tr>`;
  });
  return table(['curve', ...seeds.map((seed) => (seed === '-' ? 'value' : `seed ${seed}`))], rows);
}

/** Differences between curves, paired by seed. */
export function differenceTable(summary: Summary, differences: readonly Difference[]): Html {
  const rows = differences.map((row) => {
    const measure = summary.measures.find((candidate) => candidate.id === row.measure);
    const { mean, range } = interval(row.difference, measure?.digits ?? 3);
    return html`<tr>
      <th scope="row">${row.a} ${trusted('&minus;')} ${row.b}</th>
      <td class="text">${measure?.title ?? row.measure}</td>
      <td>${mean}<small>${range}</small></td>
      <td>${row.difference.n}</td>
      <td>${pText(row.p)}</td>
      <td>${pText(row.adjusted)}</td>
      <td class="text">${row.verdict ?? unknown}${row.why === '' ? '' : `: ${row.why}`}</td>
    </tr>`;
  });
  return table(['difference', 'measure', 'mean', 'pairs', 'p', 'p (Holm)', 'verdict'], rows);
}

/** Change of each reward against the reference model: a row a front and trade-off, a column a reward. */
export function changeTable(slice: Slice, objectives: readonly string[]): Html {
  const groups = new Map<string, Change[]>();
  for (const row of slice.changes) {
    const name = JSON.stringify([row.curve, row.seed, row.weights]);
    groups.set(name, [...(groups.get(name) ?? []), row]);
  }
  const rows = [...groups.values()].map((group) => changeRow(slice, group));
  return table(['curve', 'seed', objectives.join(' / '), ...objectives], rows);
}

function changeRow(slice: Slice, group: readonly Change[]): Html {
  const [first] = group;
  const cells = group.map(({ change, low, high }) => {
    const { mean, range } = interval({ mean: change, low, high, n: 1 }, 3);
    return html`<td>${mean}<small>${range}</small></td>`;
  });
  return html`<tr>
    ${head(slice, first?.curve ?? '')}
    <td>${first?.seed ?? ''}</td>
    <td>${weightsText(first?.weights ?? [])}</td>
    ${cells}
  </tr>`;
}

/** What was run: curves, methods, seeds, how many trade-offs were asked of each, and what each was trained on. */
export function runTable(summary: Summary, slice: Slice): Html {
  const budgets = shownMeasures(summary, slice).filter(({ group }) => group === 'budget');
  const rows = [...slice.curves, ...slice.variants].map(
    (curve) =>
      html`<tr>
        ${slice.curves.includes(curve) ? curveHead(curve) : html`<th scope="row">${curve.name}</th>`}
        <td class="text">${curve.method}</td>
        <td class="text">${curve.seeds.map((seed) => seed.seed).join(', ')}</td>
        <td>${curve.points.length}</td>
        ${budgets.map((measure) => html`<td>${counted(curve.figures[measure.id]?.mean)}</td>`)}
      </tr>`,
  );
  return table(['curve', 'method', 'seeds', 'trade-offs', ...budgets.map(({ title }) => title)], rows);
}

/** Measures that at least one curve of the slice has. */
export function shownMeasures(summary: Summary, slice: Slice): Measure[] {
  return summary.measures.filter((measure) =>
    slice.curves.some((curve) => (curve.figures[measure.id]?.n ?? 0) > 0),
  );
}

function head(slice: Slice, name: string): Html {
  const curve = slice.curves.find((candidate) => candidate.name === name);
  return curve ? curveHead(curve) : html`<th scope="row">${name}</th>`;
}

function curveHead(curve: CurveSummary): Html {
  const key = `background: var(${curveColour(curve.index).variable})`;
  return html`<th scope="row"><span class="key" style="${key}"></span>${curve.name}</th>`;
}
