import type { Place } from '../pipeline.js';
import type { Diagnostics, Finding, Reporter } from './diagnostics.js';
import type { Patch } from './draft.js';
import { isCommandLine } from './format-diagnostic.js';
import type { Located } from './nodes.js';

/**
 * Reports what is wrong in a variant only: what is wrong in the base, too, stands there already. An error that is
 * not written in a patch is reported at the patch that causes it, with its own place beside it.
 */
export function variantReporter(
  diagnostics: Diagnostics,
  variant: string,
  [first, ...others]: readonly Patch[],
): Reporter {
  const patches = first === undefined ? [] : [first, ...others];
  const isOwn = (place: Place): boolean =>
    isCommandLine(place.file) ||
    patches.some((patch) => isInside(place, patch.place) || isInside(place, patch.settings.place));
  return {
    edit: diagnostics.edit,
    report: (at: Located | Place, finding: Finding): string => {
      const place = 'place' in at ? at.place : at;
      const uses = 'place' in at ? at.uses : [];
      const known = diagnostics.knows(at, finding) || [place, ...uses].some(isOwn);
      if (known || first === undefined) return diagnostics.report(at, finding);
      return diagnostics.report(first.place, {
        code: finding.code,
        message: `in the variant \`${variant}\`: ${finding.message}`,
        hint: finding.hint,
        ...(finding.severity === undefined ? {} : { severity: finding.severity }),
        related: [{ ...place, message: 'found here' }, ...(finding.related ?? [])],
      });
    },
    blocks: (id, what) => diagnostics.blocks(id, what),
  };
}

function isInside(inner: Place, outer: Place): boolean {
  const after = inner.line > outer.line || (inner.line === outer.line && inner.column >= outer.column);
  const before =
    inner.endLine < outer.endLine || (inner.endLine === outer.endLine && inner.endColumn <= outer.endColumn);
  return inner.file === outer.file && after && before;
}
