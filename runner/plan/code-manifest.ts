/** dist/code.json: what each compiled module reaches, listed at build by scripts/code-manifest.ts. */

export const codeManifestVersion = 1;

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
}

export interface CodeManifest {
  readonly v: typeof codeManifestVersion;
  readonly modules: Readonly<Record<string, ModuleEntry>>;
}

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');

function isEntry(value: unknown): value is ModuleEntry {
  const entry = value as Partial<ModuleEntry> | null | undefined;
  return (
    typeof entry?.digest === 'string' &&
    [entry.imports, entry.dynamic, entry.packages, entry.files].every(isTexts)
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
