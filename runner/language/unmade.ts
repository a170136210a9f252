/** Checks of a stage whose cells can't be made, so that one run finds what is wrong in it beside the reason. */
import { assigner, type Assignment } from './assign.js';
import { withoutNotes } from './diagnostics.js';
import type { ExpandContext } from './expand-context.js';
import { type Combination, isExcluded } from './combinations.js';
import type { StageDraft } from './draft.js';
import { makeView } from './make-cells.js';
import { checkRulesOf } from './outputs.js';

/** Most combinations that are looked at of a stage with more than there is room for. */
const sampled = 1000;

/** Combinations that have each value of each axis, but not all that are possible. */
export function sampleOf(draft: StageDraft): readonly Combination[] {
  const longest = Math.max(1, ...draft.axes.map(({ values }) => values.length));
  const last = (index: number, { length }: { readonly length: number }): number =>
    Math.min(index, length - 1);
  return Array.from({ length: Math.min(longest, sampled) }, (_, index) => {
    const chosen = draft.axes.flatMap(({ values }) => values[last(index, values)] ?? []);
    const coordinates = Object.fromEntries(draft.axes.map(({ name }, at) => [name, chosen[at]?.name ?? '']));
    return { chosen, leftOut: isExcluded(draft.exclude, coordinates) };
  });
}

/**
 * What the kind's own rules find: in the cells that there would be without what is unknown or doesn't fit, and in
 * values alone.
 */
export function checkRules(
  draft: StageDraft,
  assignments: readonly Assignment[],
  context: ExpandContext,
): void {
  const { kind } = draft;
  if (kind === undefined) return;
  const isSound = draft.errors.length === 0 && !hidesExcluded(draft, assignments);
  if (isSound) makeView(draft, assignments, context);
  for (const assignment of assignments.filter(({ leftOut }) => !leftOut)) {
    const inputs = [...Object.keys(kind.inputs), ...assignment.ports.map(({ name }) => name)];
    const wrong = new Set([...assignment.wrong, ...inputs]);
    checkRulesOf(kind, { assignment: { ...assignment, wrong }, items: new Map() }, context.diagnostics);
  }
}

/** Whether `exclude` may leave out cells by an axis that a reference would carry of which nothing is known. */
function hidesExcluded(draft: StageDraft, assignments: readonly Assignment[]): boolean {
  const own = new Set(draft.axes.map(({ name }) => name));
  return (
    assignments.some(({ unread }) => unread.length > 0) &&
    draft.exclude.some(({ values }) => values.some(({ axis }) => !own.has(axis)))
  );
}

/** What is wrong in the patches of a stage that is blocked in the base. */
export function checkPatchesAlone(
  draft: StageDraft,
  assignments: readonly Assignment[],
  outer: ExpandContext,
): void {
  for (const variant of draft.patches.keys()) {
    // That the stage itself is blocked was said of its base.
    const diagnostics = withoutNotes(outer.reporterOf(variant, draft.name));
    const context = { ...outer, variant, diagnostics };
    const assign = assigner(draft, context, []);
    const patched = assignments.map((before) => (before.leftOut ? before : assign(before)));
    checkRules(draft, patched, context);
  }
}
