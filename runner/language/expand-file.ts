import type { ExpandContext } from './expand-context.js';
import { everyCell, type Expanded } from './cells.js';
import type { Diagnostics, Reporter } from './diagnostics.js';
import type { Draft, Patch } from './draft.js';
import { expandStage } from './expand-stage.js';
import { orderStages } from './graph.js';
import { variantReporter } from './variant-reporter.js';

type Outside = Pick<
  ExpandContext,
  'registry' | 'params' | 'file' | 'workingFolder' | 'exists' | 'isFolder' | 'root' | 'remark'
> & {
  readonly diagnostics: Diagnostics;
};

/** Expands all stages, each after those that it refers to in the base or in any variant. */
export function expandFile(draft: Draft, outside: Outside): ReadonlyMap<string, Expanded> {
  const { sorted, cyclic } = orderStages(draft.stages, outside);
  const expanded = new Map<string, Expanded>();
  const kinds = new Map(draft.stages.map(({ name, kind }) => [name, kind]));
  const context = {
    ...outside,
    kindOf: (stage: string) => kinds.get(stage),
    stages: draft.stages.map((stage) => stage.name),
    variants: draft.variants,
    reporterOf: (variant: string, stage: string) =>
      reporterOf(draft, outside.diagnostics, { variant, stage }),
    maxCells: draft.maxCells,
    expanded,
  };
  let room = draft.maxCells;
  for (const stage of sorted) {
    const cycle = cyclic.get(stage.name);
    const errors = cycle === undefined ? stage.errors : [...stage.errors, cycle];
    const result = expandStage({ ...stage, errors }, { ...context, room });
    expanded.set(stage.name, result);
    room -= everyCell(result).length;
  }
  return expanded;
}

/** The patch of the stage itself is the likeliest cause, then the others of the variant. */
function reporterOf(
  draft: Draft,
  diagnostics: Diagnostics,
  { variant, stage }: { variant: string; stage: string },
): Reporter {
  const patches = draft.variants.find(({ name }) => name === variant)?.patches ?? new Map<string, Patch>();
  const own = patches.get(stage);
  const others = [...patches.values()].filter((patch) => patch !== own);
  return variantReporter(diagnostics, variant, own === undefined ? others : [own, ...others]);
}
