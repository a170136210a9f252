/** Curves beside each other: differences paired by seed, additive epsilon, and rates of lock-in. */
import type { Difference, Slice, Summary } from '../types.js';
import { type Html, html, nothing, trusted } from './html.js';
import { interval, pText, unknown } from './numbers.js';
import { table } from './table.js';
import { head } from './tables.js';

/** Differences between curves, paired by seed. */
export function differenceTable(summary: Summary, differences: readonly Difference[]): Html {
  const rows = differences.map((row) => {
    const measure = summary.measures.find((candidate) => candidate.id === row.measure);
    const digits = measure?.digits ?? 3;
    const { mean, range } = interval(row.difference, digits);
    const adjusted = interval(row.range === null ? undefined : { mean: 0, n: 0, ...row.range }, digits).range;
    return html`<tr>
      <th scope="row">${row.a} ${trusted('&minus;')} ${row.b}</th>
      <td class="text">${measure?.title ?? row.measure}</td>
      <td>${mean}<small>${range}</small></td>
      <td>${row.difference.n}</td>
      <td>${pText(row.p)}</td>
      <td>${pText(row.adjusted)}</td>
      <td>${adjusted === '' ? unknown : adjusted}</td>
      <td class="text">${verdictText(row)}</td>
    </tr>`;
  });
  const tests = ['pairs', 'p', 'p (Holm)', 'adjusted interval', 'verdict'];
  return table(['difference', 'measure', 'mean', ...tests], rows);
}

function verdictText({ verdict, why, note }: Difference): string {
  const given = verdict === null ? unknown : why === '' ? verdict : `${verdict}: ${why}`;
  return note === '' ? given : `${given}; ${note}`;
}

/** A row for each curve that would have to gain, a column for each that it is held against. */
export function epsilonTable({ curves, epsilons }: Slice): Html {
  const names = curves.map(({ name }) => name);
  const rows = curves.map(({ name }) => {
    const cells = names.map((other) => {
      const { mean, range } = interval(epsilons.find(({ a, b }) => a === name && b === other)?.epsilon, 3);
      return html`<td>${mean}${range === '' ? nothing : html`<small>${range}</small>`}</td>`;
    });
    return html`<tr>
      ${head({ curves }, name)}${cells}
    </tr>`;
  });
  return table(['curve', ...names.map((name) => `to ${name}`)], rows);
}

/** How many seeds of each curve locked in, with Wilson's interval. */
export function lockInTable({ curves, lockIn }: Slice): Html {
  const rows = lockIn.rates.map((rate) => {
    const { range } = interval({ mean: 0, low: rate.low, high: rate.high, n: rate.seeds }, 2);
    return html`<tr>
      ${head({ curves }, rate.curve)}
      <td>${rate.lockedIn} of ${rate.seeds}<small>${range}</small></td>
      <td>${rate.outOfReach}</td>
    </tr>`;
  });
  return table(['curve', 'locked in', 'held back'], rows);
}

/** Pairs whose rates are not one and the same, for which p is 1. */
export function lockInPairs({ lockIn }: Slice): Html {
  const told = lockIn.pairs.filter(({ p }) => p < 1 - 1e-9);
  if (told.length === 0) return nothing;
  const rows = told.map(
    ({ a, b, p }) =>
      html`<tr>
        <th scope="row">${a} ${trusted('&minus;')} ${b}</th>
        <td>${pText(p)}</td>
      </tr>`,
  );
  return table(['difference', "p (Fisher's exact test)"], rows);
}
