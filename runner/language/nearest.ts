import { distance } from 'fastest-levenshtein';
import { byCodeUnit } from '../../schemas/json.js';

/** The known name that was most likely meant, if one is near enough: a third of its letters may differ. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  const lower = name.toLowerCase();
  const most = name.length <= 3 ? 1 : Math.ceil(name.length / 3);
  const ranked = [...known]
    .map((candidate) => ({ candidate, far: distance(lower, candidate.toLowerCase()) }))
    .filter(({ far }) => far <= most && far < name.length)
    .sort((a, b) => a.far - b.far || byCodeUnit(a.candidate, b.candidate));
  return ranked[0]?.candidate;
}

/** "did you mean `x`?", or what there is. */
export function suggestion(name: string, known: Iterable<string>, what: string): string | undefined {
  const names = [...known];
  const near = nearest(name, names);
  if (near !== undefined) return `did you mean \`${near}\`?`;
  if (names.length === 0) return undefined;
  const shown = names.slice(0, 16).map((candidate) => `\`${candidate}\``);
  return `${what} ${shown.join(', ')}${names.length > shown.length ? ', ...' : ''}`;
}
