import { distance } from 'fastest-levenshtein';
import { byCodeUnit } from '../../schemas/json.js';
import type { Finding } from './diagnostics.js';

/** No name is longer; to compare what is would take time that grows with the cube of its length. */
const longest = 64;

/** The known name that was most likely meant, if one is near enough: a third of its letters may differ. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  if (name.length > longest) return undefined;
  const lower = name.toLowerCase();
  const most = name.length <= 3 ? 1 : Math.ceil(name.length / 3);
  const ranked = [...known]
    .map((candidate) => ({ candidate, far: farFrom(lower, candidate.toLowerCase(), most) }))
    .filter(({ far }) => far <= most && far < name.length)
    .sort((a, b) => a.far - b.far || byCodeUnit(a.candidate, b.candidate));
  return ranked[0]?.candidate ?? abbreviated(lower, known);
}

/** `docs` for `documents`: the one known name that begins with it, or with its singular. */
function abbreviated(name: string, known: Iterable<string>): string | undefined {
  const begins = (short: string): readonly string[] =>
    short.length < 3 ? [] : [...known].filter((candidate) => candidate.toLowerCase().startsWith(short));
  const found = [name, name.replace(/s$/, '')].map(begins).find(({ length }) => length > 0) ?? [];
  return found.length === 1 ? found[0] : undefined;
}

/** Edits from a name to a candidate or to what follows its last `/`; two letters swapped are one edit. */
function farFrom(name: string, candidate: string, most: number): number {
  const last = candidate.slice(candidate.lastIndexOf('/') + 1);
  const whole = withSwap(name, candidate, most);
  return last === candidate ? whole : Math.min(whole, withSwap(name, last, most));
}

function withSwap(name: string, candidate: string, most: number): number {
  if (Math.abs(name.length - candidate.length) > most) return Infinity;
  const plain = distance(name, candidate);
  if (plain < 2 || plain > most + 1) return plain; // a swap saves one edit
  const swapped = Array.from({ length: Math.max(0, name.length - 1) }, (_, at) =>
    [name.slice(0, at), name[at + 1], name[at], name.slice(at + 2)].join(''),
  );
  return Math.min(
    plain,
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
