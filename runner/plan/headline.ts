/** An explanation in one sentence: from the cell along the first chain of causes to its root. */
import { formatOrigin } from '../language/format-diagnostic.js';
import type { Origin } from '../pipeline.js';
import { cameWithInputs, describeChange } from './compare.js';
import type { Cause, Change } from './types.js';

export type ShowPlace = (place: Origin) => string;

/** A value that was given on the command line has no line: its "file" is the option. */
export const plainPlace: ShowPlace = formatOrigin;

interface Telling {
  /** The cell has a result of an earlier run. */
  readonly ranBefore: boolean;
  readonly show: ShowPlace;
}

/** `clp re-runs because reference changed because sft.with.steps 200 -> 300, quickstart.yaml:31:14` */
export function headlineOf(causes: readonly Cause[], { ranBefore, show }: Telling): string {
  const [start] = causes;
  if (!start) throw new Error('internal error: an explanation without its own cell; please report it');
  const { cell, status, reason } = start;
  if (status === 'hit') return `${cell} is served from the store: ${reason.message}`;
  const roots = causes.filter(isRoot);
  const root = isRoot(start) ? start : roots[0];
  if (!root) return `${cell} ${ranBefore ? 're-runs' : 'runs'}: ${reason.message}`;
  const links = chainTo(root, causes).slice(1).map(linkText);
  const why = [...links, rootText(root, show)].map((text) => ` because ${text}`).join('');
  // A cell that never ran needs no other cause.
  const more = root.reason.code === 'first' ? 0 : roots.length - 1;
  const others = more > 0 ? ` (and ${more} more ${more === 1 ? 'cause' : 'causes'})` : '';
  const unless = status === 'depends' && root !== start ? `; ${reason.message}` : '';
  return `${cell} ${ranBefore ? 're-runs' : 'runs'}${why}${others}${unless}`;
}

const ownChanges = ({ reason }: Cause): readonly Change[] => reason.changes.filter((c) => !cameWithInputs(c));

/** Where a chain ends: something of the cell's own, and not only what its parents came to. */
function isRoot(cause: Cause): boolean {
  if (ownChanges(cause).length > 0) return true;
  const { code, changes } = cause.reason;
  return changes.length === 0 && code !== 'hit' && code !== 'upstream';
}

/** From the explained cell to a cause of it, both among them. */
function chainTo(root: Cause, causes: readonly Cause[]): readonly Cause[] {
  const chain = [root];
  for (let at: Cause | undefined = root; at?.of !== undefined;) {
    const child: Cause | undefined = causes.find(({ cell }) => cell === at?.of);
    if (child) chain.unshift(child);
    at = child;
  }
  return chain;
}

function linkText({ cell, status, reason }: Cause): string {
  if (reason.changes.length > 0) return `${cell} changed`;
  return status === 'depends' ? `${cell} may change` : `${cell} has to run`;
}

function rootText(root: Cause, show: ShowPlace): string {
  const own = ownChanges(root);
  if (own.length === 0) return root.reason.message;
  const told = own.slice(0, 2).map((change) => changeText(change, root.kind, show));
  return told.join(' and ') + (own.length > 2 ? ` and ${own.length - 2} more changes` : '');
}

function changeText(change: Change, kind: string, show: ShowPlace): string {
  const text = change.what === 'with' ? `${kind}.with.${describeChange(change)}` : describeChange(change);
  return 'place' in change ? `${text}, ${show(change.place)}` : text;
}
