import { distance } from 'fastest-levenshtein';
import { byCodeUnit } from '../../schemas/json.js';
import type { Finding } from './diagnostics.js';

/** The known name that was most likely meant, if one is near enough: a third of its letters may differ. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  const lower = name.toLowerCase();
  const most = name.length <= 3 ? 1 : Math.ceil(name.length / 3);
  const ranked = [...known]
    .map((candidate) => ({ candidate, far: farFrom(lower, candidate.toLowerCase()) }))
    .filter(({ far }) => far <= most && far < name.length)
    .sort((a, b) => a.far - b.far || byCodeUnit(a.candidate, b.candidate));
  return ranked[0]?.candidate;
}

/** Edits from a name to a candidate or to what follows its last `/`; two letters swapped are one edit. */
function farFrom(name: string, candidate: string): number {
  const last = candidate.slice(candidate.lastIndexOf('/') + 1);
  return Math.min(withSwap(name, candidate), withSwap(name, last));
}

function withSwap(name: string, candidate: string): number {
  const swapped = Array.from({ length: Math.max(0, name.length - 1) }, (_, at) =>
    [name.slice(0, at), name[at + 1], name[at], name.slice(at + 2)].join(''),
  );
  return Math.min(
    distance(name, candidate),
    ...swapped.filter((other) => other !== name).map((other) => 1 + distance(other, candidate)),
  );
}

/** "did you mean `x`?" with what to write instead, or what there is. */
export function suggest(
  name: string,
  known: Iterable<string>,
  what: string,
): Pick<Finding, 'hint' | 'instead'> {
  const names = [...known];
  const near = nearest(name, names);
  if (near !== undefined) return { hint: `did you mean \`${near}\`?`, instead: near };
  if (names.length === 0) return {};
  const shown = names.slice(0, 16).map((candidate) => `\`${candidate}\``);
  return { hint: `${what} ${shown.join(', ')}${names.length > shown.length ? ', ...' : ''}` };
}

/** The same for a key of a map that has some already: what would stand there twice is only hinted at. */
export function suggestKey(
  key: string,
  known: readonly string[],
  present: readonly string[],
): Pick<Finding, 'hint' | 'instead'> {
  const found = suggest(
    key,
    known.filter((name) => !present.includes(name)),
    'keys are',
  );
  return found.instead === undefined ? { hint: suggest(key, known, 'keys are').hint } : found;
}
