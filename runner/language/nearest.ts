import { distance } from 'fastest-levenshtein';
import { byCodeUnit } from '../../schemas/json.js';
import type { Finding } from './diagnostics.js';
import { listed } from './nodes.js';

/** No name is longer; to compare what is would take time that grows with the cube of its length. */
const longest = 64;

/** The one known name that was most likely meant, if one is near enough and no other is as near. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  const [only, other] = nearestOnes(name, [...known]);
  return other === undefined ? only : undefined;
}

/** The known names that are nearest, if they are near enough: a third of its letters may differ. Several are a guess. */
export function nearestOnes(name: string, known: readonly string[]): readonly string[] {
  if (name.length > longest) return [];
  const lower = name.toLowerCase();
  const most = name.length <= 3 ? 1 : Math.ceil(name.length / 3);
  const ranked = known
    .map((candidate) => ({ candidate, far: farFrom(lower, candidate.toLowerCase(), most) }))
    .filter(({ far }) => far <= most && far < name.length);
  const least = Math.min(...ranked.map(({ far }) => far));
  const found = ranked.filter(({ far }) => far === least).map(({ candidate }) => candidate);
  return found.length > 0 ? [...new Set(found)].sort(byCodeUnit) : abbreviated(lower, known);
}

/** `docs` for `documents`: the known names that begin with it, or else with its singular. */
function abbreviated(name: string, known: readonly string[]): readonly string[] {
  const begins = (short: string): readonly string[] =>
    short.length < 3 ? [] : known.filter((candidate) => candidate.toLowerCase().startsWith(short));
  return [name, name.replace(/s$/, '')].map(begins).find(({ length }) => length > 0) ?? [];
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

/** So many names that are equally near are named; more tell nothing. */
const mostMeant = 3;

/** "did you mean `x`?" with what to write instead, if only one name can be meant; or what there is. */
export function suggest(
  name: string,
  known: Iterable<string>,
  what: string,
): Pick<Finding, 'hint' | 'instead'> {
  const names = [...known];
  const near = nearestOnes(name, names);
  if (near.length > 0 && near.length <= mostMeant) {
    const hint = `did you mean ${listed(
      near.map((one) => `\`${one}\``),
      'or',
    )}?`;
    return near.length === 1 ? { hint, instead: near[0] } : { hint };
  }
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
  const begins = known.filter((name) => name.toLowerCase().startsWith(key.toLowerCase()));
  // What begins several names is short for the one that is left only by chance.
  const isSure = found.instead !== undefined && (begins.length < 2 || !begins.includes(found.instead));
  return isSure
    ? found
    : { hint: found.instead === undefined ? suggest(key, known, 'keys are').hint : found.hint };
}
