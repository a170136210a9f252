/** dist/code.json: what each compiled module reaches, listed at build by scripts/code-manifest.ts. */

export const codeManifestVersion = 1;

/** A table of modules that are loaded by name, of which only what is named can touch a cell. */
export interface LoaderTable {
  /** SHA-256 of the module without the entries. */
  readonly rest: string;
  /** File that each name loads. */
  readonly entries: Readonly<Record<string, string>>;
}

/** Paths are relative to the folder that holds the manifest, with `/` and their ending. */
export interface ModuleEntry {
  /** SHA-256 of the module as the list was made: another text needs another list. */
  readonly digest: string;
  /** Files that it imports statically. */
  readonly imports: readonly string[];
  /** Files that it imports on demand, each by a literal name. */
  readonly dynamic: readonly string[];
  /** Packages that it imports, statically or on demand. */
  readonly packages: readonly string[];
  /** Other files that it reads and that count (from the allow-list of the script). */
  readonly files: readonly string[];
  readonly table?: LoaderTable;
  /** Of a declaration that only hands its job to this file, and decides nothing else of what is computed. */
  readonly recipe?: string;
}

export interface CodeManifest {
  readonly v: typeof codeManifestVersion;
  readonly modules: Readonly<Record<string, ModuleEntry>>;
}

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');

function isTable(value: unknown): value is LoaderTable {
  const table = value as Partial<LoaderTable> | null | undefined;
  const entries: unknown = table?.entries;
  return typeof table?.rest === 'string' && typeof entries === 'object' && entries !== null;
}

function isEntry(value: unknown): value is ModuleEntry {
  const entry = value as Partial<ModuleEntry> | null | undefined;
  return (
    typeof entry?.digest === 'string' &&
    [entry.imports, entry.dynamic, entry.packages, entry.files].every(isTexts) &&
    (entry.table === undefined || isTable(entry.table)) &&
    ['string', 'undefined'].includes(typeof entry.recipe)
  );
}

/** The manifest in a parsed JSON, or undefined where it has another shape or version. */
export function toCodeManifest(value: unknown): CodeManifest | undefined {
  const manifest = value as Partial<CodeManifest> | null | undefined;
  const modules: unknown = manifest?.modules;
  if (manifest?.v !== codeManifestVersion || typeof modules !== 'object' || modules === null)
    return undefined;
  return Object.values(modules).every(isEntry) ? (manifest as CodeManifest) : undefined;
}
