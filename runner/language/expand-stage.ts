import { assigner, type Assignment, rereader } from './assign.js';
import type { ExpandContext } from './expand-context.js';
import type { Expanded, View } from './cells.js';
import { type Combination, combinationsOf, countCombinations } from './combinations.js';
import type { StageDraft, VariantDraft } from './draft.js';
import { checkExclude } from './exclude.js';
import { makeView } from './make-cells.js';
import { outputsOfBlocked } from './outputs.js';
import { checkPatch } from './patch-checks.js';
import { remarkAxes, remarkKind, remarkLeftOut } from './remarks.js';
import { silent } from './diagnostics.js';
import { reportExplosion, reportLost, reportMismatches } from './report-expansion.js';
import { checkPatchesAlone, checkRules, sampleOf } from './unmade.js';

/** Expands one stage whose parents are expanded, first in the base, then in each variant that changes its cells. */
export function expandStage(draft: StageDraft, context: ExpandContext): Expanded {
  const errors = [...draft.errors];
  if (isTooMany(draft, context)) {
    errors.push(reportExplosion(draft, [], context));
    const sample = assignAll(draft, sampleOf(draft), context, errors);
    checkRules(draft, sample, context);
    return block(draft, sample, errors);
  }
  const assignments = assignAll(draft, combinationsOf(draft), context, errors);
  const base = join(draft, assignments, context, errors);
  if (base !== undefined && errors.length === 0) checkExclude(draft, base, context, errors);
  if (base === undefined || errors.length > 0) {
    checkPatchesAlone(draft, assignments, context);
    return block(draft, assignments, errors);
  }
  remarkAxes(draft, assignments, context);
  remarkKind(draft, assignments, context);
  remarkLeftOut(draft, base, assignments, context);
  return { kind: 'cells', base, variants: expandVariants(draft, { base, assignments }, context) };
}

/** What is wrong with a combination that `exclude` leaves out doesn't count. */
function assignAll(
  draft: StageDraft,
  combinations: readonly Combination[],
  context: ExpandContext,
  errors: string[],
): readonly Assignment[] {
  const assign = assigner(draft, context, errors);
  const assignLeftOut = assigner(draft, { ...context, diagnostics: silent(context.diagnostics) }, []);
  return combinations.map((combination) =>
    combination.leftOut ? assignLeftOut(combination) : assign(combination),
  );
}

function isTooMany(draft: StageDraft, { room, maxCells }: ExpandContext): boolean {
  const seeds = draft.seeds?.length ?? 1;
  const all = countCombinations(draft) * seeds;
  if (draft.exclude.length === 0) return all > room;
  // What is left out is looked at, too.
  return (
    all > 100 * maxCells || combinationsOf(draft).filter(({ leftOut }) => !leftOut).length * seeds > room
  );
}

function block(
  { kind }: StageDraft,
  assignments: readonly Assignment[],
  errors: readonly string[],
): Expanded {
  const known = [...new Set(errors.filter((error) => error !== ''))];
  const outputs = outputsOfBlocked(kind, assignments);
  return {
    kind: 'blocked',
    errors: known.length === 0 ? [''] : known,
    ...(outputs === undefined ? {} : { outputs }),
  };
}

/** The cells of assignments; what makes that impossible goes to `errors`. */
function join(
  draft: StageDraft,
  assignments: readonly Assignment[],
  context: ExpandContext,
  errors: string[],
  share?: Parameters<typeof makeView>[2]['share'],
): View | undefined {
  // Without its own axes a stage has nothing that could fit.
  if (draft.errors.length === 0) reportMismatches(draft, assignments, context, errors);
  const made =
    errors.length > 0
      ? undefined
      : makeView(draft, assignments, { ...context, ...(share === undefined ? {} : { share }) });
  if (made !== undefined && 'tooMany' in made) errors.push(reportExplosion(draft, made.tooMany, context));
  if (made === undefined || 'tooMany' in made) {
    checkRules(draft, assignments, context);
    return undefined;
  }
  reportLost(draft, assignments, made, context, errors);
  return made;
}

interface Base {
  readonly base: View;
  readonly assignments: readonly Assignment[];
}

function expandVariants(draft: StageDraft, base: Base, context: ExpandContext): ReadonlyMap<string, View> {
  const views = new Map<string, View>();
  let room = context.room - base.base.cells.length;
  for (const variant of context.variants) {
    const view = expandVariant(draft, variant, base, { ...context, room });
    const own = view?.cells.filter((cell) => cell.variant !== undefined).length ?? 0;
    room -= own;
    if (view !== undefined && own > 0) views.set(variant.name, view);
  }
  return views;
}

/** The stage as a variant sees it; undefined where the variant changes nothing of it. */
function expandVariant(
  draft: StageDraft,
  { name: variant }: VariantDraft,
  { base, assignments: inBase }: Base,
  outer: ExpandContext,
): View | undefined {
  const patch = draft.patches.get(variant);
  if (patch === undefined && !inBase.some((assignment) => readsVariant(assignment, variant, outer)))
    return undefined;
  const context = { ...outer, variant, diagnostics: outer.reporterOf(variant, draft.name) };
  const errors: string[] = [];
  const again: (before: Assignment) => Assignment =
    patch === undefined ? rereader(draft, context, errors) : assigner(draft, context, errors);
  const assignments = inBase.map((before) => (before.leftOut ? before : again(before)));
  if (patch !== undefined) checkPatch(draft, patch, { before: inBase, after: assignments }, context, errors);
  return join(draft, assignments, context, errors, { base, patched: patch !== undefined });
}

/** Whether something that is read has cells in the variant. A gather of all variants is in none. */
function readsVariant(
  { occurrences, crosses }: Assignment,
  variant: string,
  context: ExpandContext,
): boolean {
  if (crosses) return false;
  return occurrences.some(({ node }) => {
    const parent = context.expanded.get(node.reference.stage);
    return parent?.kind === 'cells' && parent.variants.has(variant);
  });
}
