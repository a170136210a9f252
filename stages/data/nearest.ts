import { distance } from 'fastest-levenshtein';

/** `; did you mean "prompt"?` for the one name that is nearest to what was written, if it is near; else nothing. */
export function didYouMean(written: string, known: readonly string[]): string {
  const far = (name: string): number => distance(written.toLowerCase(), name.toLowerCase());
  const least = Math.min(...known.map(far));
  const [near, other] = known.filter((name) => far(name) === least);
  if (near === undefined || other !== undefined || least > Math.ceil(written.length / 3)) return '';
  return `; did you mean ${JSON.stringify(near)}?`;
}
