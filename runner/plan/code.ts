/**
 * The code that a kind runs: the compiled modules that it reaches, by the digest of the files on disk,
 * frozen when they are loaded, and the installed packages that they import.
 */
import fs from 'node:fs';
import path from 'node:path';
import { byCodeUnit, canonicalJson, sha256, type Json, type JsonObject } from '../../schemas/json.js';
import { err, ok, type Result } from '../../schemas/result.js';
import type { StageKind } from '../contract.js';
import { toCodeManifest, type CodeManifest, type ModuleEntry } from './code-manifest.js';
import { installedPackages, type Packages } from './packages.js';
import type { Code, CodeDigest, CodeListing, CodeProblem } from './types.js';

interface Frozen {
  readonly digests: ReadonlyMap<string, string>;
  /** Absolute path to what the system tells of the file. */
  readonly identities: ReadonlyMap<string, string>;
}

const rebuild = 'build it again: `npm run build`';

function identity(file: string): string {
  const stat = fs.statSync(file, { bigint: true, throwIfNoEntry: false });
  return stat ? [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(':') : 'gone';
}

function readManifest(file: string): Result<CodeManifest, CodeProblem> {
  let content: unknown;
  try {
    content = JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch {
    content = undefined;
  }
  const manifest = toCodeManifest(content);
  return manifest
    ? ok(manifest)
    : err({
        code: 'no-code-list',
        message: `the list of compiled code, ${file}, is missing or unreadable`,
        hint: rebuild,
      });
}

/** Hashes every listed file; each must be the one that its imports were listed from. */
function freeze(dist: string, manifest: CodeManifest): Result<Frozen, CodeProblem> {
  const digests = new Map<string, string>();
  const identities = new Map<string, string>();
  const files = Object.entries(manifest.modules).flatMap(([name, entry]) => [name, ...entry.files]);
  for (const name of new Set(files)) {
    const file = path.join(dist, name);
    identities.set(file, identity(file));
    const digest = fs.existsSync(file) ? sha256(fs.readFileSync(file)) : undefined;
    const listed = manifest.modules[name]?.digest;
    if (digest === undefined || (listed !== undefined && digest !== listed)) {
      const what = digest === undefined ? 'is missing' : 'has changed since it was built';
      return err({ code: 'stale-build', message: `the compiled file ${file} ${what}`, hint: rebuild });
    }
    digests.set(name, digest);
  }
  return ok({ digests, identities });
}

/**
 * What a module reaches. Of the modules that it imports on demand only those that were named count; where none was
 * named, all do: a map that a kind forgets to declare costs re-runs, never a wrong hit. Of a table that is named itself,
 * none of the entries do then; a cell that loads one all the same fails.
 */
function reached(name: string, entry: ModuleEntry, named: ReadonlySet<string>): readonly string[] {
  const chosen = entry.dynamic.filter((module) => named.has(module));
  if (chosen.length > 0) return [...entry.imports, ...chosen];
  const entries = named.has(name) ? Object.values(entry.table?.entries ?? {}) : [];
  return [...entry.imports, ...entry.dynamic.filter((module) => !entries.includes(module))];
}

function closureOf(manifest: CodeManifest, named: ReadonlySet<string>): ReadonlySet<string> {
  const seen = new Set<string>();
  const todo = [...named];
  for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
    const entry = manifest.modules[name];
    if (seen.has(name) || !entry) continue;
    seen.add(name);
    todo.push(...reached(name, entry, named));
  }
  return seen;
}

/** Makes kinds of declarations. */
const contract = 'runner/contract.js';

/**
 * stages/kinds/<name>.js and its recipe, then what `modules` names. Of a declaration that hands its job on, the recipe
 * alone: what else it decides is in the preimage.
 */
function rootsOf(manifest: CodeManifest, kind: StageKind, values: JsonObject): string[] {
  const declaration = `stages/kinds/${kind.name.replaceAll('/', '-')}.js`;
  const recipe = manifest.modules[declaration]?.recipe;
  const own =
    recipe === undefined ? [declaration, declaration.replace(/\.js$/, '.run.js')] : [recipe, contract];
  const named = kind.modules?.(values as Record<PropertyKey, unknown>) ?? [];
  return [...own, ...named.map((name) => `${name}.js`)];
}

/**
 * Of a table the entries that are named, and the rest of its module; where neither an entry nor the table is named, all of
 * it, as of any module.
 */
function digestIn(name: string, { manifest, frozen }: Loaded, named: ReadonlySet<string>): string {
  const { rest, entries = {} } = manifest.modules[name]?.table ?? {};
  const chosen = Object.entries(entries).filter(([, file]) => named.has(file));
  return rest !== undefined && (chosen.length > 0 || named.has(name))
    ? sha256(canonicalJson([rest, Object.fromEntries(chosen)]))
    : (frozen.digests.get(name) ?? '');
}

interface Loaded {
  readonly manifest: CodeManifest;
  readonly frozen: Frozen;
  readonly packages: Packages;
}

function listingOf(loaded: Loaded, roots: readonly string[]): CodeListing {
  const { manifest, packages } = loaded;
  const named = new Set(roots);
  const closure = [...closureOf(manifest, named)];
  const entries = closure.flatMap((name) => manifest.modules[name] ?? []);
  const files = [...new Set([...closure, ...entries.flatMap((entry) => entry.files)])].sort(byCodeUnit);
  const names = [...new Set(entries.flatMap((entry) => entry.packages))].sort(byCodeUnit);
  return {
    modules: Object.fromEntries(files.map((name) => [name, digestIn(name, loaded, named)])),
    packages: packages.closure(names),
  };
}

/**
 * What a listing was made of, on disk. Whatever npm installs or removes rewrites its list, and a declaration that is edited
 * while cells run may do more than it did when its recipe alone was found to count.
 */
function filesOf(dist: string, { manifest, packages }: Loaded, listing: CodeListing): string[] {
  const declarations = Object.entries(manifest.modules).flatMap(([name, { recipe }]) =>
    recipe !== undefined && Object.hasOwn(listing.modules, recipe) ? [name] : [],
  );
  const modules = [...Object.keys(listing.modules), ...declarations].map((name) => path.join(dist, name));
  return Object.keys(listing.packages).length > 0 ? [...modules, packages.file] : modules;
}

/**
 * Loads and freezes the code of a package folder (the one that holds `dist/`).
 * Errors: `no-code-list`, `stale-build`, `packages-unknown`; each is mended by installing or building.
 */
export function loadCode(root: string): Result<Code, CodeProblem> {
  const dist = path.join(root, 'dist');
  const manifest = readManifest(path.join(dist, 'code.json'));
  if (!manifest.ok) return manifest;
  const packages = installedPackages(root);
  if (!packages.ok) return packages;
  const frozen = freeze(dist, manifest.value);
  if (!frozen.ok) return frozen;
  const identities = new Map(frozen.value.identities).set(packages.value.file, identity(packages.value.file));
  const loaded: Loaded = { manifest: manifest.value, frozen: frozen.value, packages: packages.value };
  const known = new Map<string, CodeDigest>();
  const filesKnown = new WeakMap<CodeListing, readonly string[]>();
  return ok({
    of: (kind, values) => {
      const roots = rootsOf(manifest.value, kind, values);
      const name = roots.join(' ');
      const before = known.get(name);
      if (before) return ok(before);
      const unlisted = roots.find((name) => !manifest.value.modules[name]);
      if (unlisted !== undefined) {
        const message = `the kind ${kind.name} names the module ${unlisted}, which the build has not listed`;
        return err({ code: 'unlisted-module', message, hint: rebuild });
      }
      const found = digestOf(listingOf(loaded, roots));
      known.set(name, found);
      return ok(found);
    },
    changed: (listing) => {
      const files = filesKnown.get(listing) ?? filesOf(dist, loaded, listing);
      filesKnown.set(listing, files);
      return files.filter((file) => identity(file) !== identities.get(file));
    },
  });
}

export function digestOf(listing: CodeListing): CodeDigest {
  return { digest: sha256(canonicalJson(listing as unknown as Json)), listing };
}
