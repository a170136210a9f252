/**
 * Packages as they are installed: name, version and integrity from npm's own list, closed over dependencies. One
 * without integrity (linked, from git, from a folder, put there by hand) counts by content.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { byCodeUnit } from '../../schemas/json.js';
import { err, ok, type Result } from '../../schemas/result.js';
import type { CodeProblem } from './types.js';

interface Installed {
  readonly version?: string;
  readonly integrity?: string | undefined;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

export interface Packages {
  /** npm's list on disk: whatever is installed or removed rewrites it. */
  readonly file: string;
  /** `name@version` to integrity, of the named packages and all they depend on. Those not installed are left out. */
  closure(names: readonly string[]): Readonly<Record<string, string>>;
}

const hiddenLock = path.join('node_modules', '.package-lock.json');

/** The nearest folder, from `root` up, whose node_modules npm has listed. */
function findProject(root: string): string | undefined {
  for (let folder = root; ; folder = path.dirname(folder)) {
    if (fs.existsSync(path.join(folder, hiddenLock))) return folder;
    if (path.dirname(folder) === folder) return undefined;
  }
}

function parse(file: string): Readonly<Record<string, Installed>> | undefined {
  try {
    const content = JSON.parse(fs.readFileSync(file, 'utf8')) as {
      packages?: Record<string, Installed>;
    } | null;
    return content?.packages;
  } catch {
    return undefined;
  }
}

/** Node's way up: a package is looked for beside whoever asks, then in every folder above. */
function locate(from: string, name: string, stands: (place: string) => boolean): string | undefined {
  for (let at = from; ;) {
    const candidate = `${at === '' ? '' : `${at}/`}node_modules/${name}`;
    if (stands(candidate)) return candidate;
    if (at === '') return undefined;
    at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')));
  }
}

function hashFolder(folder: string): string {
  const hash = createHash('sha256');
  const visit = (below: string): void => {
    const entries = fs.readdirSync(path.join(folder, below), { withFileTypes: true });
    for (const entry of entries.sort((a, b) => byCodeUnit(a.name, b.name))) {
      const relative = path.posix.join(below, entry.name);
      if (entry.isDirectory() && !['node_modules', '.git'].includes(entry.name)) visit(relative);
      if (entry.isFile()) {
        const bytes = fs.readFileSync(path.join(folder, relative));
        hash.update(JSON.stringify([relative, bytes.length])).update(bytes);
      }
    }
  };
  visit('');
  return `content-sha256-${hash.digest('hex')}`;
}

/** What a package that npm has not listed says of itself; its integrity is nobody's word. */
function ownManifest(folder: string): Installed {
  try {
    const content = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8')) as Installed;
    return { ...content, integrity: undefined };
  } catch {
    return {};
  }
}

const dependenciesOf = (entry: Installed): string[] =>
  [entry.dependencies, entry.optionalDependencies, entry.peerDependencies].flatMap((names) =>
    Object.keys(names ?? {}),
  );

/** Reads npm's list of what is installed for the package in `root`. */
export function installedPackages(root: string): Result<Packages, CodeProblem> {
  const project = findProject(root);
  const file = path.join(project ?? root, hiddenLock);
  const packages = project === undefined ? undefined : parse(file);
  if (project === undefined || !packages) {
    return err({
      code: 'packages-unknown',
      message: `npm's list of what is installed, ${file}, is missing or unreadable, so the code can't be identified`,
      hint: 'install with `npm ci`',
    });
  }
  const start = path.relative(project, root).split(path.sep).join('/');
  const contents = new Map<string, string>();
  const contentOf = (place: string, entry: Installed): string => {
    const folder = path.join(
      project,
      entry.link === true && entry.resolved !== undefined ? entry.resolved : place,
    );
    const known = contents.get(folder) ?? hashFolder(folder);
    contents.set(folder, known);
    return known;
  };
  const closure: Packages['closure'] = (names) => {
    const found = new Map<string, string>();
    const visited = new Set<string>();
    const visit = (name: string, from: string): void => {
      const place =
        locate(from, name, (place) => Object.hasOwn(packages, place)) ??
        // Put there by hand: npm knows nothing of it, and Node loads it all the same.
        locate(from, name, (place) => fs.existsSync(path.join(project, place)));
      if (place === undefined || visited.has(place)) return;
      visited.add(place);
      const entry = packages[place] ?? ownManifest(path.join(project, place));
      found.set(`${name}@${entry.version ?? 'linked'}`, entry.integrity ?? contentOf(place, entry));
      // Of a link, npm lists what its target depends on with the target; where it doesn't, that says so itself.
      const target = entry.link === true ? entry.resolved : undefined;
      const asking =
        target === undefined ? entry : (packages[target] ?? ownManifest(path.join(project, target)));
      for (const dependency of dependenciesOf(asking)) visit(dependency, target ?? place);
    };
    for (const name of names) visit(name, start);
    return Object.fromEntries([...found].sort(([a], [b]) => byCodeUnit(a, b)));
  };
  return ok({ file, closure });
}
