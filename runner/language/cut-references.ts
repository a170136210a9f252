/**
 * `[$expert(reward=nli, seed=0).policy]`: YAML splits a reference at the comma. One such reference, put together
 * again so that a single error can show how to write it.
 */
export interface CutReference<T> {
  readonly item: T;
  /** The item with the end of the reference. */
  readonly last: T;
  /** As it should be written: selectors separated by spaces. */
  readonly mended: string;
}

/** Texts of an item of a flow collection: where a reference could begin, and where the rest of one could end. */
export interface Texts {
  readonly begin: string | undefined;
  readonly end: string | undefined;
}

/** The items of a flow collection without the remains of references that a comma cut, and those references. */
export function cutReferences<T>(
  items: readonly T[],
  textsOf: (item: T) => Texts,
): { readonly kept: readonly T[]; readonly cut: readonly CutReference<T>[] } {
  const kept: T[] = [];
  const cut: CutReference<T>[] = [];
  const texts = items.map(textsOf);
  for (let at = 0; at < items.length; at++) {
    const item = items[at] as T;
    kept.push(item);
    const begin = texts[at]?.begin ?? '';
    if (!/^\$[^()]*\([^)]*$/.test(begin)) continue;
    const end = texts.findIndex((text, index) => index > at && (text.end ?? '').includes(')'));
    if (end < 0) continue;
    const parts = texts.slice(at + 1, end + 1).map((text) => (text.end ?? '').trim());
    cut.push({ item, last: items[end] as T, mended: [begin.trim(), ...parts].join(' ') });
    at = end;
  }
  return { kept, cut };
}
