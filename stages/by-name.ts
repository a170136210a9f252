/**
 * Loads one module of a table by its name. Where a table is handed to this function alone, a key counts the entry that is
 * named and none of the others (`scripts/narrowing.ts`), so that a new one makes nothing run again: whatever is learnt
 * here of the others must end in an error.
 */
export async function byName<T>(
  table: Readonly<Record<string, () => Promise<T>>>,
  name: string,
  unknown: (known: readonly string[]) => Error,
): Promise<T> {
  const load = Object.hasOwn(table, name) ? table[name] : undefined;
  if (!load) throw unknown(Object.keys(table));
  return load();
}
