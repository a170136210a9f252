/** The programs that a kind starts, found as the shell would, without starting anything. */
import fs from 'node:fs';
import path from 'node:path';
import { canonicalJson, sha256 } from '../../schemas/json.js';
import { ok, type Result } from '../../schemas/result.js';
import type { Store, StoreProblem } from '../store/index.js';
import type { Watched } from './types.js';
import { watch } from './watch.js';

/** A script names its interpreter, which may be a script itself; deeper than this is a cycle. */
const deepest = 4;
const headBytes = 256;

export interface Programs {
  /** By the last part of a name. */
  readonly digests: Readonly<Record<string, string>>;
  readonly watched: readonly Watched[];
}

export interface ProgramFinder {
  /** @param folder what relative paths are relative to */
  find(names: readonly string[], folder: string): Promise<Result<Programs, StoreProblem>>;
}

function isExecutable(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

/** Absolute path of a program that is named by a command line, or undefined. */
function locate(name: string, folder: string, searched: string): string | undefined {
  const places = name.includes('/')
    ? [path.resolve(folder, name)]
    : searched.split(path.delimiter).flatMap((at) => (path.isAbsolute(at) ? [path.join(at, name)] : []));
  const found = places.find(isExecutable);
  return found === undefined ? undefined : fs.realpathSync(found);
}

function head(file: string): string {
  const bytes = Buffer.alloc(headBytes);
  const descriptor = fs.openSync(file, 'r');
  try {
    return bytes.toString('latin1', 0, fs.readSync(descriptor, bytes, 0, headBytes, 0));
  } finally {
    fs.closeSync(descriptor);
  }
}

/** Names in the first line of a script: the interpreter and, where that is `env`, what it starts. */
function interpreters(file: string): readonly string[] {
  const line = /^#![ \t]*([^\n]*)/.exec(head(file))?.[1];
  if (line === undefined) return [];
  const [program = '', ...words] = line.trim().split(/\s+/);
  const started = path.basename(program) === 'env' ? words.find((word) => !/^-|=/.test(word)) : undefined;
  return [program, ...(started === undefined ? [] : [started])].filter((name) => name !== '');
}

/** Name, as it is written, to the real file, with the interpreters of scripts. */
function located(names: readonly string[], folder: string, searched: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const visit = (name: string, depth: number): void => {
    const file = locate(name, folder, searched);
    if (file === undefined || depth > deepest) return;
    // A file of the project counts where it is declared; here only what interprets it does.
    const outside = !name.includes('/') || path.isAbsolute(name);
    if (outside) found.set(name, file);
    for (const next of interpreters(file)) visit(next, depth + 1);
  };
  for (const name of names) visit(name, 0);
  return found;
}

/** That of the one file that all names lead to; of several files that of all, each by its name. */
function digestOf(byName: ReadonlyMap<string, string>): string {
  const [first = '', ...others] = new Set(byName.values());
  return others.length === 0 ? first : sha256(canonicalJson(Object.fromEntries(byName)));
}

/** Finds and hashes programs once each: what is found first counts for the whole run. */
export function createProgramFinder(store: Store, searched: string): ProgramFinder {
  const known = new Map<string, Watched>();
  return {
    find: async (names, folder) => {
      const named = new Map<string, Map<string, string>>();
      const watched: Watched[] = [];
      for (const [name, file] of located(names, folder, searched)) {
        const taken = known.has(file) ? undefined : await watch(store, 'file', file);
        if (taken && !taken.ok) return taken;
        const one = taken?.value ?? known.get(file);
        if (!one) continue;
        known.set(file, one);
        const last = path.basename(name);
        named.set(last, (named.get(last) ?? new Map<string, string>()).set(name, one.digest));
        watched.push(one);
      }
      const digests = Object.fromEntries([...named].map(([last, byName]) => [last, digestOf(byName)]));
      return ok({ digests, watched });
    },
  };
}
