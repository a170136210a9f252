/** What the variants of the pipeline change: each beside its twin, paired by seed. */
import { curveColour } from '../charts/palette.js';
import { directed } from '../measures.js';
import type { Ablation, AblationDifference, Estimate, Measure, Slice, Summary } from '../types.js';
import { type Html, html, nothing } from './html.js';
import { counted, interval, pText, unknown } from './numbers.js';
import { table } from './table.js';

/** The judged measure with its verdict, and what more or less was trained on: a row a variant. */
export function judgedAblationTable(summary: Summary, slice: Slice): Html {
  const judged = measureOf(summary, slice.judgedBy);
  const budgets = ablationMeasures(summary, slice).filter(({ group }) => group === 'budget');
  const rows = slice.ablations.map((one) => {
    const difference = one.differences.find(({ measure }) => measure === slice.judgedBy);
    return html`<tr>
      ${heads(one, slice)} ${judgedCells(difference, judged)}
      ${budgets.map((measure) => html`<td>${signed(counted(differenceOn(one, measure)?.mean))}</td>`)}
      <td class="text">${verdict(one, difference)}</td>
    </tr>`;
  });
  const tests = ['pairs', 'p', 'p (Holm)'];
  const columns = [
    `change of ${directed(judged)}`,
    ...tests,
    ...budgets.map(({ title }) => title),
    'verdict',
  ];
  return table(['variant', 'compared with', ...columns], rows);
}

function differenceOn({ differences }: Ablation, { id }: Measure): Estimate | undefined {
  return differences.find(({ measure }) => measure === id)?.difference;
}

function judgedCells(found: AblationDifference | undefined, measure: Measure): Html[] {
  if (!found) return [1, 2, 3, 4].map(() => html`<td>${unknown}</td>`);
  const { difference, p, adjusted } = found;
  return [
    estimated(difference, measure),
    html`<td>${difference.n}</td>`,
    html`<td>${pText(p)}</td>`,
    html`<td>${pText(adjusted)}</td>`,
  ];
}

function verdict({ note }: Ablation, difference: AblationDifference | undefined): string {
  const given = difference?.verdict ?? null;
  const why = difference === undefined || difference.why === '' ? '' : `: ${difference.why}`;
  return [...(given === null ? [] : [`${given}${why}`]), ...(note === '' ? [] : [note])].join('; ');
}

/** All other measures, described: a row a variant. */
export function describedAblationTable(summary: Summary, slice: Slice): Html {
  const measures = ablationMeasures(summary, slice).filter(
    ({ id, group }) => id !== slice.judgedBy && group !== 'budget',
  );
  const rows = slice.ablations
    .filter(({ differences }) => differences.length > 0)
    .map((one) => {
      const cells = measures.map((measure) => {
        const difference = differenceOn(one, measure);
        return difference ? described(difference, measure) : html`<td>${unknown}</td>`;
      });
      return html`<tr>
        ${heads(one, slice)}${cells}
      </tr>`;
    });
  if (rows.length === 0 || measures.length === 0) return nothing;
  return table(['variant', 'compared with', ...measures.map(directed)], rows);
}

/** Measures on which a variant of the slice has a difference, in the order of the summary's measures. */
export function ablationMeasures(summary: Summary, slice: Slice): Measure[] {
  const known = new Set(
    slice.ablations.flatMap(({ differences }) => differences.map(({ measure }) => measure)),
  );
  return summary.measures.filter(({ id }) => known.has(id));
}

function estimated(estimate: Estimate, measure: Measure): Html {
  const { mean, range } = interval(estimate, measure.digits);
  return html`<td>${signed(mean)}<small>${range === '' ? noInterval(estimate.n) : range}</small></td>`;
}

/** Without a word on why there is no interval: the table above has said it. */
function described(estimate: Estimate, measure: Measure): Html {
  const { mean, range } = interval(estimate, measure.digits);
  return html`<td>${signed(mean)}${range === '' ? nothing : html`<small>${range}</small>`}</td>`;
}

const signed = (text: string): string => (/^[\d.]*[1-9]/.test(text) ? `+${text}` : text);

function noInterval(n: number): string {
  return n === 1 ? 'one seed: no interval' : `${n} seeds: no interval`;
}

function heads(one: Ablation, slice: Slice): Html {
  const twin = slice.curves.find(({ name }) => name === one.twin);
  const key = twin ? `background: var(${curveColour(twin.index).variable})` : '';
  return html`<th scope="row">${one.ablation}</th>
    <td class="text">
      ${twin ? html`<span class="key" style="${key}"></span>${twin.name}` : html`(${one.curve})`}
    </td>`;
}

function measureOf(summary: Summary, id: string): Measure {
  const found = summary.measures.find((measure) => measure.id === id);
  if (!found) throw new Error(`internal error: the report has no measure ${id}; please report it`);
  return found;
}
