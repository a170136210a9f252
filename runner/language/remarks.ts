import type { Assignment } from './assign.js';
import type { ExpandContext } from './expand-context.js';
import type { View } from './cells.js';
import type { StageDraft } from './draft.js';
import { listed } from './nodes.js';
import { plain } from './outputs.js';
import { axesOf } from './select.js';
import { matrixNames } from './settings-at.js';

/** What a reader of the plan should know of a stage's own axes. */
export function remarkAxes(
  draft: StageDraft,
  assignments: readonly Assignment[],
  { remark }: ExpandContext,
): void {
  const used = matrixNames(draft.with);
  for (const { name } of draft.axes) {
    const carriers = assignments.flatMap(({ occurrences }) =>
      occurrences.filter(({ rows }) => axesOf(rows).includes(name)).map(({ node }) => node.reference.stage),
    );
    const stages = listed([...new Set(carriers)].map((stage) => `${stage}'s`));
    if (stages !== '') remark(`${draft.name}: own axis \`${name}\` is aligned with ${stages}`);
    else if (!used.has(name))
      remark(`${draft.name}: own axis \`${name}\` is not read, so its cells are copies of each other`);
  }
}

/** What the kind itself has to say of its values. */
export function remarkKind(
  { name, kind }: StageDraft,
  assignments: readonly Assignment[],
  { remark }: ExpandContext,
): void {
  const told = assignments.flatMap(({ values, ports, wrong, leftOut }) =>
    wrong.size > 0 || leftOut
      ? []
      : (kind?.remarks?.(plain(values), new Set(ports.map((use) => use.name))) ?? []),
  );
  for (const text of new Set(told)) remark(`${name}: ${text}`);
}

/** What `exclude` leaves out, here and through what a stage reads: nothing is lost unsaid. */
export function remarkLeftOut(
  draft: StageDraft,
  { cells, leftOut }: View,
  assignments: readonly Assignment[],
  { remark }: ExpandContext,
): void {
  const counts = new Map<string, number>();
  for (const { leftOutBy = '' } of leftOut) counts.set(leftOutBy, (counts.get(leftOutBy) ?? 0) + 1);
  for (const [stage, count] of counts)
    remark(
      `${draft.name}: ${counted(count)} left out by ${stage === draft.name ? 'its' : `${stage}'s`} \`exclude\``,
    );
  remarkShort(draft, cells, assignments, remark);
}

const counted = (count: number): string => (count === 1 ? '1 cell is' : `${String(count)} cells are`);

/** A gather that lost some of its cells reads a shorter list than its neighbours, or than one thinks. */
function remarkShort(
  draft: StageDraft,
  cells: View['cells'],
  assignments: readonly Assignment[],
  remark: ExpandContext['remark'],
): void {
  if (cells.length === 0) return;
  const short = new Map<string, Set<string>>();
  for (const { node, rows } of assignments.flatMap(({ occurrences }) => occurrences))
    for (const { items, leftOutBy } of rows)
      if (items.length > 0 && leftOutBy.length > 0)
        short.set(node.reference.text, new Set([...(short.get(node.reference.text) ?? []), ...leftOutBy]));
  for (const [text, stages] of short)
    remark(
      `${draft.name}: \`${text}\` gathers less by ${listed([...stages].map((stage) => `${stage}'s`))} \`exclude\``,
    );
}
