/** The page's tables; every cell is a number of the summary. */
import { curveColour } from '../charts/palette.js';
import { optimumName } from '../charts/series.js';
import { directed } from '../measures.js';
import { trainedByText } from '../trained-by.js';
import type { Change, CurveSummary, Estimate, Measure, Slice, Summary } from '../types.js';
import { type Html, html, nothing } from './html.js';
import { counted, numberText, interval, weightsText } from './numbers.js';
import { table } from './table.js';

/** Curves x measures: mean over seeds with its interval; bold is the best mean, which is no verdict. */
export function measureTable(summary: Summary, slice: Slice, group: Measure['group']): Html {
  const measures = shownMeasures(summary, slice).filter((measure) => measure.group === group);
  const rows = slice.curves.map((curve) => {
    const cells = measures.map((measure) => estimateCell(curve, measure, slice));
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

function estimateCell(curve: CurveSummary, measure: Measure, slice: Slice): Html {
  const estimate = curve.figures[measure.id];
  const { mean, range } = interval(estimate, measure.digits);
  const small = html`${range === '' ? nothing : html`<small>${range}</small>`}${fewerSeeds(curve, estimate)}`;
  return isBest(curve, measure, slice)
    ? html`<td class="best">${mean}${small}</td>`
    : html`<td>${mean}${small}</td>`;
}

/** A measure may be undefined at some of the seeds: its mean is that of the others. */
function fewerSeeds({ seeds }: CurveSummary, estimate: Estimate | undefined): Html {
  const n = estimate?.n ?? 0;
  return n === 0 || n === seeds.length ? nothing : html`<small>n = ${n}</small>`;
}

function isBest(curve: CurveSummary, measure: Measure, slice: Slice): boolean {
  const ranked = slice.curves.filter(({ name }) => !slice.unranked.some((one) => one.curve === name));
  if (measure.better === 'neither' || ranked.length < 2 || !ranked.includes(curve)) return false;
  const means = ranked.flatMap(({ figures }) => figures[measure.id]?.mean ?? []);
  const best = measure.better === 'lower' ? Math.min(...means) : Math.max(...means);
  return curve.figures[measure.id]?.mean === best;
}

function boundRow(optimum: CurveSummary, measures: readonly Measure[]): Html {
  const cells = measures.map(
    (measure) => html`<td>${numberText(optimum.figures[measure.id]?.mean, measure.digits)}</td>`,
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
        (measure) => html`<td>${numberText(seed.figures[measure.id], measure.digits)}</td>`,
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
      return html`<td>${numberText(seed?.figures[measure.id], measure.digits)}</td>`;
    });
    return html`<tr>
      ${curveHead(curve)}${cells}
    </tr>`;
  });
  return table(['curve', ...seeds.map((seed) => (seed === '-' ? 'value' : `seed ${seed}`))], rows);
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
  const all = [...slice.curves, ...slice.variants];
  const told = all.some((curve) => trainedByText(curve) !== '');
  const rows = all.map(
    (curve) =>
      html`<tr>
        ${slice.curves.includes(curve) ? curveHead(curve) : html`<th scope="row">${curve.name}</th>`}
        <td class="text">${curve.method}</td>
        <td class="text">${curve.seeds.map((seed) => seed.seed).join(', ')}</td>
        <td>${curve.points.length}</td>
        ${budgets.map((measure) => html`<td>${counted(curve.figures[measure.id]?.mean)}</td>`)}
        ${told ? html`<td class="text">${trainedByText(curve)}</td>` : nothing}
      </tr>`,
  );
  const titles = [...budgets.map(({ title }) => title), ...(told ? ['trained with'] : [])];
  return table(['curve', 'method', 'seeds', 'trade-offs', ...titles], rows);
}

/** Measures that at least one curve of the slice has. */
export function shownMeasures(summary: Summary, slice: Slice): Measure[] {
  return summary.measures.filter((measure) =>
    slice.curves.some((curve) => (curve.figures[measure.id]?.n ?? 0) > 0),
  );
}

/** The head of a curve's row, by its name. */
export function head({ curves }: Pick<Slice, 'curves'>, name: string): Html {
  const curve = curves.find((candidate) => candidate.name === name);
  return curve ? curveHead(curve) : html`<th scope="row">${name}</th>`;
}

function curveHead(curve: CurveSummary): Html {
  const key = `background: var(${curveColour(curve.index).variable})`;
  return html`<th scope="row"><span class="key" style="${key}"></span>${curve.name}</th>`;
}
