/** What a reviewer sees of a report: the story of the whole run, told in the figures of its summary. */
import type { FinishedCell, Shown } from '../../runner/contract.js';
import { directed, measures } from '../report/measures.js';
import { numberText } from '../report/page/numbers.js';
import type { Estimate, Slice, Summary } from '../report/types.js';
import { readOutput } from './read.js';

const mainMeasures = measures.filter(({ group }) => group === 'main');

export function showReport(cell: FinishedCell): Shown {
  const summary = readOutput(cell, 'report', 'summary.json') as Summary;
  const told = [
    `### ${summary.title}`,
    ...(summary.description === '' ? [] : [summary.description]),
    ...summary.slices.flatMap((slice) => sliceText(summary, slice)),
    ...summary.warnings.map((text) => `> **Warning:** ${text}`),
  ].join('\n\n');
  const [first] = summary.slices;
  const verdict = first?.findings[0];
  return {
    figures: Object.fromEntries(
      summary.slices.flatMap((slice) => curveFigures(slice, summary.slices.length > 1)),
    ),
    note: told,
    story: told,
    ...(verdict === undefined ? {} : { verdict }),
    files: [
      { output: 'report', file: 'index.html', as: 'report.html' },
      { output: 'report', file: 'front.svg', as: 'front.svg' },
    ],
  };
}

/** The measure that is judged, a figure a curve: they stand on the run itself. */
function curveFigures({ alpha, curves, judgedBy }: Slice, several: boolean): [string, number][] {
  const name = judgedBy.replaceAll('-', '_') + (several ? ` at ${alpha}` : '');
  return curves.flatMap(({ name: curve, figures }): [string, number][] => {
    const mean = figures[judgedBy]?.mean ?? null;
    return mean === null ? [] : [[`report/${name}/${curve}`, mean]];
  });
}

function sliceText({ slices }: Summary, slice: Slice): readonly string[] {
  const heading = slices.length > 1 ? [`#### alpha ${slice.alpha}`] : [];
  return [...heading, ...slice.findings, ...verdictText(slice), curvesTable(slice)];
}

/** On the one measure that is judged. */
function verdictText({ differences, judgedBy }: Slice): readonly string[] {
  const judged = differences.filter(({ measure, verdict }) => measure === judgedBy && verdict !== null);
  return judged.length === 0
    ? []
    : [
        judged
          .map(
            ({ a, b, verdict, why }) => `- **${a}** against **${b}**: ${verdict ?? ''}${why && ` (${why})`}`,
          )
          .join('\n'),
      ];
}

function curvesTable({ curves, optimum }: Slice): string {
  const rows = [...curves, ...(optimum ? [optimum] : [])];
  const shown = mainMeasures.filter(({ id }) =>
    rows.some(({ figures }) => (figures[id]?.mean ?? null) !== null),
  );
  return [
    `| method | seeds | ${shown.map(directed).join(' | ')} |`,
    `| --- | --- | ${shown.map(() => '---:').join(' | ')} |`,
    ...rows.map(
      ({ name, seeds, figures }) =>
        `| ${name} | ${seeds.length} | ${shown.map(({ id, digits }) => cellText(figures[id], digits, seeds.length)).join(' | ')} |`,
    ),
  ].join('\n');
}

/** A mean of fewer seeds than the row has says of how many. */
function cellText(estimate: Estimate | undefined, digits: number, seeds: number): string {
  const n = estimate?.n ?? 0;
  return numberText(estimate?.mean, digits) + (n === 0 || n === seeds ? '' : ` (n = ${n})`);
}
