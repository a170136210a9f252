import type { ExpandContext } from './expand-context.js';
import type { View } from './cells.js';
import { isExcluded } from './combinations.js';
import type { Exclusion, StageDraft } from './draft.js';
import { listed } from './nodes.js';
import { suggest } from './nearest.js';
import { axesOf } from './select.js';

/** Checks `exclude` once the axes of a stage are known, carried ones included: a misspelt name would leave out nothing. */
export function checkExclude(
  draft: StageDraft,
  { cells, leftOut }: View,
  context: ExpandContext,
  errors: string[],
): void {
  const all = [...cells, ...leftOut];
  for (const exclusion of draft.exclude) checkNames(draft, exclusion, all, context, errors);
  if (errors.length > 0) return;
  for (const exclusion of draft.exclude)
    if (!all.some(({ coordinates }) => isExcluded([exclusion], coordinates)))
      context.remark(`${draft.name}: no cell has ${describe(exclusion)}, which \`exclude\` names`);
  if (cells.length > 0 || leftOut.length === 0) return;
  const [by = draft.name] = leftOut.flatMap(({ leftOutBy }) => leftOutBy ?? []);
  errors.push(
    context.diagnostics.report(draft.exclude[0]?.place ?? draft.place, {
      code: 'no-cells',
      message: `${by === draft.name ? 'its' : `${by}'s`} \`exclude\` leaves \`${draft.name}\` without any cell`,
      hint: 'leave out less, or remove the stage',
    }),
  );
}

const describe = ({ values }: Exclusion): string =>
  listed(values.map(({ axis, value }) => `\`${axis}=${value}\``));

function checkNames(
  draft: StageDraft,
  { values }: Exclusion,
  cells: View['leftOut'],
  { diagnostics }: ExpandContext,
  errors: string[],
): void {
  const axes = axesOf(cells);
  for (const { axis, axisPlace, value, at } of values) {
    const known = [...new Set(cells.flatMap(({ coordinates }) => coordinates[axis] ?? []))];
    if (!axes.includes(axis))
      errors.push(
        diagnostics.report(axisPlace, {
          code: 'unknown-axis',
          message: `\`${draft.name}\` has no axis \`${axis}\` to leave out values of`,
          ...(axis === 'ablation'
            ? { hint: 'variants are left out of `ablations`' }
            : suggest(axis, axes, 'axes are')),
        }),
      );
    else if (!known.includes(value))
      errors.push(
        diagnostics.report(at, {
          code: 'unknown-value',
          message: `no cell of \`${draft.name}\` has \`${axis}=${value}\``,
          ...suggest(value, known, `values of \`${axis}\` are`),
        }),
      );
  }
}
