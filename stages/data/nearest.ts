/** `; did you mean "prompt"?` for the one name that is nearest to what was written, if it is near; else nothing. */
export function didYouMean(written: string, known: readonly string[]): string {
  const far = (name: string): number => edits(written.toLowerCase(), name.toLowerCase());
  const least = Math.min(...known.map(far));
  const [near, other] = known.filter((name) => far(name) === least);
  if (near === undefined || other !== undefined || least > Math.ceil(written.length / 3)) return '';
  return `; did you mean ${JSON.stringify(near)}?`;
}

/** Levenshtein's distance. Its own few lines: declarations of kinds, which read this, import nothing. */
function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + Number(a[i - 1] !== b[j - 1]);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
