import type { Assignment } from './assign.js';
import type { ExpandContext } from './expand-context.js';
import type { Coordinates } from './cell-id.js';
import { dimensionsOf } from './combinations.js';
import type { Patch, StageDraft } from './draft.js';
import { listed } from './nodes.js';
import { axesOf } from './select.js';

/** The assignments of a stage without its patch and with it, in the same order. */
export interface Patched {
  readonly before: readonly Assignment[];
  readonly after: readonly Assignment[];
}

/** A patch must change something, must leave every axis a use, and must not stand where variants are gathered. */
export function checkPatch(
  draft: StageDraft,
  patch: Patch,
  { before, after }: Patched,
  { diagnostics, variant = '' }: ExpandContext,
  errors: string[],
): void {
  const report = (code: string, message: string, hint: string): void => {
    errors.push(diagnostics.report(patch.place, { code, message, hint }));
  };
  const crossing = after.flatMap(({ occurrences }) => occurrences).find(({ crosses }) => crosses);
  if (crossing !== undefined) {
    const { text } = crossing.node.reference;
    report(
      'patch-gathers-variants',
      `\`${draft.name}\` gathers all variants with \`${text}\`, so it is in none, and \`${variant}\` can't patch it`,
      'gather axes by name, which stays inside a variant, or patch what it reads',
    );
    return;
  }
  if ([...before, ...after].some(({ wrong }) => wrong.size > 0) || errors.length > 0) return;
  if (after.every((assignment, index) => contentOf(assignment) === contentOf(before[index])))
    report(
      'patch-without-effect',
      `\`${variant}\` changes nothing of \`${draft.name}\`: these values stand there already`,
      'give another value, or remove the patch',
    );
  for (const axes of dimensionsOf(draft).map((group) => group.map(({ name }) => name)))
    if (isOverwritten(axes, { before, after }))
      report(
        'axis-overwritten',
        `\`${variant}\` overwrites the only use of ${listed(axes.map((axis) => `\`${axis}\``))}: the cells of \`${draft.name}\` would be copies of each other`,
        'patch a setting that the axis does not decide, or make it one more value of the axis',
      );
}

/** What decides the cells of an assignment, without its name. */
const contentOf = (assignment: Assignment | undefined): string =>
  JSON.stringify([
    assignment?.values,
    assignment?.ports.map((use) =>
      use.kind === 'path'
        ? [use.name, use.binding.path]
        : [use.name, use.nodes.map(({ reference }) => reference.text)],
    ),
  ]);

const isOverwritten = (axes: readonly string[], { before, after }: Patched): boolean =>
  isUsed(axes, before) && !isUsed(axes, after);

/** Whether cells that differ on these axes alone differ: in content, or in what is aligned with them. */
const isUsed = (axes: readonly string[], assignments: readonly Assignment[]): boolean =>
  tellsApart(axes, assignments) ||
  assignments.some(({ occurrences }) =>
    occurrences.some(({ rows }) => axesOf(rows).some((axis) => axes.includes(axis))),
  );

function tellsApart(axes: readonly string[], assignments: readonly Assignment[]): boolean {
  const groups = new Map<string, Set<string>>();
  for (const assignment of assignments.filter(({ leftOut }) => !leftOut)) {
    const others = without(assignment.coordinates, axes);
    groups.set(others, (groups.get(others) ?? new Set()).add(contentOf(assignment)));
  }
  return [...groups.values()].some((contents) => contents.size > 1);
}

const without = (coordinates: Coordinates, axes: readonly string[]): string =>
  JSON.stringify(Object.entries(coordinates).filter(([axis]) => !axes.includes(axis)));
