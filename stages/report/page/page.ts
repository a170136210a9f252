/** The report as one HTML file that needs nothing else: no script, no network, the charts inside. */
import { withVariables } from '../charts/palette.js';
import { isMiddle } from '../points.js';
import { enumeratedPairs } from '../../statistics/sign-flip.js';
import { lockInSpan } from '../../statistics/steering.js';
import type { Slice, Summary } from '../types.js';
import { describedAblationTable, judgedAblationTable } from './ablations.js';
import { differenceTable, epsilonTable, lockInPairs, lockInTable } from './differences.js';
import { type Html, html, nothing, trusted } from './html.js';
import { numberText } from './numbers.js';
import { sampleSection } from './samples.js';
import { styleSheet } from './style.js';
import { changeTable, measureTable, pairedTable, runTable, seedTable, shownMeasures } from './tables.js';

/** The charts of one slice as SVG text; absent where a chart has nothing to show. */
export interface SliceCharts {
  readonly front?: string;
  readonly value?: string;
  readonly steering?: string;
  readonly ablations?: string;
}

export interface Charts {
  /** In the order of the summary's slices. */
  readonly slices: readonly SliceCharts[];
  /** Reward against KL over alpha, where several alphas were asked for. */
  readonly alpha?: string;
}

/** The whole page. */
export function page(summary: Summary, charts: Charts): string {
  const body = html`<header>
      <h1>${summary.title}</h1>
      ${summary.description === '' ? nothing : html`<p class="lead">${summary.description}</p>`}
    </header>
    <main>
      ${findings(summary)} ${warnings(summary)} ${alphaSection(charts)}
      ${summary.slices.map((slice, index) => sliceSection(summary, slice, charts.slices[index] ?? {}))}
      ${samples(summary)} ${meanings(summary)}
    </main>
    <footer>
      Beside this page: <a href="summary.json">summary.json</a> has every number shown,
      <a href="fronts.csv">fronts.csv</a> the fronts point by point, ${ablationsFile(summary)}
      <a href="front.svg">front.svg</a> the first chart.
    </footer>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
${html`<title>${summary.title}</title>`.toString()}
<style>${styleSheet}</style>
</head>
<body>
${body.toString()}
</body>
</html>
`;
}

function ablationsFile({ slices }: Summary): Html {
  if (slices.every(({ ablations }) => ablations.length === 0)) return nothing;
  return html`<a href="ablations.csv">ablations.csv</a> the differences of variants,`;
}

function findings(summary: Summary): Html {
  const several = summary.slices.length > 1;
  const items = summary.slices.flatMap((slice) =>
    slice.findings.map((text) => html`<li>${several ? `At alpha ${slice.alpha}: ${text}` : text}</li>`),
  );
  if (items.length === 0) return nothing;
  return html`<ul class="findings">
    ${items}
  </ul>`;
}

function warnings(summary: Summary): Html {
  if (summary.warnings.length === 0) return nothing;
  const items = summary.warnings.map((text) => html`<li>${text}</li>`);
  return html`<section class="warnings">
    <h2>Read with care</h2>
    <ul>
      ${items}
    </ul>
  </section>`;
}

function alphaSection(charts: Charts): Html {
  if (charts.alpha === undefined) return nothing;
  return html`<section>
    <h2>Reward against KL</h2>
    ${figure(
      charts.alpha,
      'The weighted reward and the KL to the reference at each alpha, means over the weights of the grid and over seeds; thin lines are seeds.',
    )}
  </section>`;
}

function sliceSection(summary: Summary, slice: Slice, charts: SliceCharts): Html {
  const at = summary.slices.length > 1 ? ` at alpha ${slice.alpha}` : '';
  return html`<section>
    <h2>What was run${at}</h2>
    <p class="note">
      Each curve is asked for a grid of trade-offs on held-out prompts, at KL weight alpha = ${slice.alpha}.
      ${
        slice.exact
          ? 'Figures are exact: expectations over all valid responses of the world.'
          : 'Figures are sampled; no exact optimum is known.'
      }
    </p>
    ${runTable(summary, slice)} ${frontSection(summary, slice, charts)}
    ${valueSection(summary, slice, charts)} ${measureSection(summary, slice)} ${middleSection(summary, slice)}
    ${differenceSection(summary, slice)} ${lockInSection(slice)} ${ablationSection(summary, slice, charts)}
    ${changeSection(summary, slice)}
  </section>`;
}

function frontSection(summary: Summary, slice: Slice, charts: SliceCharts): Html {
  if (charts.front === undefined) return nothing;
  const calibration = slice.calibration
    ? ` Hypervolumes are calibrated: ${slice.calibration.source}; ${summary.objectives
        .map((name, k) => `${name} ${range(slice, k)}`)
        .join(', ')}.`
    : '';
  return html`<h2>Trade-off front</h2>
    ${figure(charts.front, marksText(slice, summary.objectives.length === 2) + calibration)}`;
}

function marksText({ curves, optimum }: Slice, lines: boolean): string {
  const seeds = lines
    ? 'Thin lines are single seeds, thick lines their means'
    : 'Small points are single seeds, large ones their means';
  const bound = lines
    ? ' Dashed: the exact optimum, dotted that of each seed, whose reference model is its own.'
    : ' Rings: the exact optimum.';
  const middle = curves.some(({ points }) => points.some(isMiddle)) ? '; a diamond marks equal weights' : '';
  return (
    `Each point is one trade-off asked of one policy. ${seeds}, with 95% t intervals of each reward from three ` +
    `seeds on${middle}.${optimum ? bound : ''} Cross: the reference model.`
  );
}

function range(slice: Slice, k: number): string {
  return `${numberText(slice.calibration?.zero[k], 3)} to ${numberText(slice.calibration?.one[k], 3)}`;
}

function valueSection(summary: Summary, slice: Slice, charts: SliceCharts): Html {
  if (charts.value === undefined && charts.steering === undefined) return nothing;
  const first = summary.objectives[0] ?? '';
  const title = slice.exact ? 'Regret at each weight' : 'Value at each weight';
  const caption = slice.exact
    ? `What is lost against the exact optimum at each trade-off, in units of V; 0 is optimal. Bands are 95% t intervals, from three seeds on.`
    : `V = (1 - alpha) w.r - alpha KL at each trade-off, sampled. Bands are 95% t intervals over seeds, from three on${errorText(slice)}.`;
  const dashed = slice.optimum ? ' Dashed: the exact optimum, which may be flat itself.' : '';
  return html`<h2>${title}</h2>
    ${charts.value === undefined ? nothing : figure(charts.value, caption)}
    ${
      charts.steering === undefined
        ? nothing
        : figure(
            charts.steering,
            `Each reward as the weight of ${first} grows: a flat line is not steered.${dashed} Thin lines are single seeds, thick lines their means; bands are 95% t intervals, from three seeds on.`,
          )
    }`;
}

function errorText({ curves }: Slice): string {
  const known = curves.some(({ points }) => points.some(({ valueStderr }) => valueStderr !== null));
  return known ? '; whiskers are two standard errors over prompts' : '';
}

function measureSection(summary: Summary, slice: Slice): Html {
  const details = shownMeasures(summary, slice).some((measure) => measure.group === 'detail');
  return html`<h2>Measures</h2>
    <p class="note">
      Mean over seeds; in brackets, from three seeds on, the 95% t interval, which describes and decides
      nothing; n is the number of seeds, and stands in a cell where fewer have the measure. Bold is the best
      mean${slice.unranked.length > 0 ? ' of the curves that are ranked' : ''}. The measures are explained at
      the end. Intervals over seeds leave out the choice of
      prompts${slice.exact ? '' : ', and the dice, which all seeds share'}.
    </p>
    ${measureTable(summary, slice, 'main')} ${details ? measureTable(summary, slice, 'detail') : nothing}
    <h3>Every seed</h3>
    ${seedTable(summary, slice, 'main')} ${details ? seedTable(summary, slice, 'detail') : nothing}`;
}

function middleSection(summary: Summary, slice: Slice): Html {
  const middle = shownMeasures(summary, slice).find((measure) => measure.id === 'value-middle');
  if (!middle || summary.objectives.length < 2) return nothing;
  return html`<h3>${middle.title}, seed by seed</h3>
    ${pairedTable(slice, middle)}`;
}

function differenceSection(summary: Summary, slice: Slice): Html {
  if (slice.differences.length === 0) return nothing;
  const primary = summary.measures.find(({ id }) => id === slice.judgedBy)?.title ?? slice.judgedBy;
  const family =
    summary.slices.length > 1 ? ' Each alpha is a family of its own: no correction runs over them.' : '';
  return html`<h2>Differences, paired by seed</h2>
    <p class="note">
      First curve minus second over the seeds that both have and the weights that both answer; in brackets the
      t interval, which describes. p is that of no difference, by a two-sided sign-flip test (all patterns of
      signs up to ${enumeratedPairs} pairs, random ones beyond).
    </p>
    <p class="note">
      Verdicts are given on the primary measure alone, ${primary}, from ten pairs on, by a margin of
      ${summary.margin}: p (Holm) is that of a difference no larger than it, corrected over the pairs, and the
      adjusted interval is the sign-flip interval at the level of that correction. It lies
      ${places(summary.margin)}, or else nothing is decided.${family} The other measures describe, and their p
      values are not corrected.
    </p>
    ${differenceTable(summary, slice.differences)} ${epsilonSection(slice)}`;
}

function places(margin: number): string {
  if (margin === 0) return 'below 0 (lower) or above it (higher)';
  return `below −${margin} (lower), above ${margin} (higher), or between the two (alike)`;
}

function epsilonSection(slice: Slice): Html {
  if (slice.epsilons.length === 0 || (slice.curves[0]?.objectives.length ?? 0) < 2) return nothing;
  return html`<h3>Additive epsilon</h3>
    <p class="note">
      How much more of every reward the curve of a row would need at its points to dominate all points of the
      curve of a column; 0 or less where it does already. Over the weights that both answer, in units of the
      rewards${slice.exact ? '' : '; noise of sampled rewards makes it larger'}.
    </p>
    ${epsilonTable(slice)}`;
}

function lockInSection(slice: Slice): Html {
  if (slice.lockIn.rates.length < 2) return nothing;
  return html`<h3>Lock-in</h3>
    <p class="note">
      Seeds with a span under ${lockInSpan}, with Wilson's 95% interval of their share; held back are those
      whose reference hardly writes what the ends ask for, which is no lock-in. Pairs with other rates have
      Fisher's exact p, which describes: seeds are taken as independent, and nothing is corrected.
    </p>
    ${lockInTable(slice)} ${lockInPairs(slice)}`;
}

function ablationSection(summary: Summary, slice: Slice, charts: SliceCharts): Html {
  if (slice.ablations.length === 0) return nothing;
  const judged = summary.measures.find(({ id }) => id === slice.judgedBy)?.title ?? slice.judgedBy;
  const caption = `Variant minus twin: a dot is one seed, the thick one the mean, the bar its 95% t interval, from three seeds on. The dashed line is no change; arrows say which way is better.`;
  return html`<h2>Ablations</h2>
    <p class="note">
      Each variant of the pipeline minus its twin, the same coordinates without the ablation, paired by seed
      over the trade-offs that both answer. Verdicts are given on ${judged} alone, from ten pairs on, by
      sign-flip intervals and a margin of ${summary.margin}, with Holm's correction over the variants of this
      table, a family apart from the pairs above; the other measures describe.
    </p>
    ${charts.ablations === undefined ? nothing : figure(charts.ablations, caption)}
    ${judgedAblationTable(summary, slice)} ${describedAblationTable(summary, slice)}`;
}

function changeSection(summary: Summary, slice: Slice): Html {
  if (slice.changes.length === 0) return nothing;
  return html`<h2>Change against the reference</h2>
    <p class="note">
      Mean reward minus the reference model's on the same prompts; in brackets the 95% t interval from the
      standard errors over the prompts that have rewards, taking the two as independent. There is none under
      three such prompts, or where a front does not say how many they are.
    </p>
    ${changeTable(slice, summary.objectives)}`;
}

function samples(summary: Summary): Html {
  if (summary.samples.length === 0) return nothing;
  return html`<h2>Samples</h2>
    <p class="note">
      The first response that each policy drew, at the first seed of its curve; below it the rewards it
      earned.
    </p>
    ${sampleSection(summary)}`;
}

function meanings(summary: Summary): Html {
  const shown = summary.measures.filter((measure) =>
    summary.slices.some((slice) => shownMeasures(summary, slice).includes(measure)),
  );
  return html`<h2>What the measures mean</h2>
    <dl>
      ${shown.map(
        (measure) =>
          html`<dt>${measure.title}</dt>
            <dd>${measure.meaning}</dd>`,
      )}
    </dl>`;
}

function figure(svg: string, caption: string): Html {
  return html`<figure>
    ${trusted(withVariables(svg))}
    <figcaption>${caption}</figcaption>
  </figure>`;
}
