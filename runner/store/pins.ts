/** A pin is an empty file beside the record that it keeps from being collected. */
const pattern = /^pinned\.([0-9a-f]{64})$/;

export const pinName = (digest: string): string => `pinned.${digest}`;

/** Digests of the pinned records, of the names in a key's folder. */
export const pinnedIn = (names: readonly string[]): readonly string[] =>
  names.flatMap((name) => pattern.exec(name)?.[1] ?? []);
