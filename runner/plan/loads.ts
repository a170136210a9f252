import type { CodeListing } from './types.js';

/** Of what a cell loaded, what its key doesn't count: a change of that would be served from the cache. */
export function unlistedLoads({ modules, packages }: CodeListing, loaded: readonly string[]): string[] {
  const known = new Set(Object.keys(packages).map((name) => name.slice(0, name.lastIndexOf('@'))));
  return loaded.filter((name) => !Object.hasOwn(modules, name) && !known.has(name));
}
