/** What the policies write: one prompt, a row a trade-off, a column a curve. */
import type { SampleAnswer, SampleGroup, Summary } from '../types.js';
import { type Html, html } from './html.js';
import { numberText, unknown, weightsText } from './numbers.js';
import { table } from './table.js';

export function sampleSection(summary: Summary): Html[] {
  return summary.samples.map((group) => sampleGroup(group, summary));
}

function sampleGroup(group: SampleGroup, summary: Summary): Html {
  const severalAlphas = summary.slices.length > 1;
  const rows = group.rows.map((row) => {
    const cells = row.answers.map((answer) => answerCell(answer, summary.objectives));
    const place = severalAlphas
      ? `${weightsText(row.weights)} at alpha ${row.alpha}`
      : weightsText(row.weights);
    return html`<tr>
      <th scope="row">${place}</th>
      ${cells}
    </tr>`;
  });
  return html`<blockquote>${group.prompt}</blockquote>
    ${table([summary.objectives.join(' / '), ...summary.curves], rows, { className: 'samples', allText: true })}`;
}

function answerCell(answer: SampleAnswer | null, objectives: readonly string[]): Html {
  if (answer === null) return html`<td class="text">${unknown}</td>`;
  const rewards = objectives.map((name, k) => `${name} ${numberText(answer.rewards[k], 2)}`).join(' · ');
  return html`<td class="text">${answer.response}<small>${rewards}</small></td>`;
}
