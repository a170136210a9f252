/** What a directory may hold: checked on the way in and on the way out. */
import path from 'node:path';
import { refuse } from './problem.js';

export type TreeEntry =
  | { readonly type: 'folder'; readonly path: string }
  | { readonly type: 'link'; readonly path: string; readonly target: string }
  | {
      readonly type: 'file';
      readonly path: string;
      readonly executable: boolean;
      readonly digest: string;
      readonly size: number;
    };

export const entryLimit = 100_000;
const segmentBytes = 255;
const linkHops = 40;

/** Nearly all names: nothing is wrong with any of these. */
const harmless = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,200}$/;

function segmentFault(segment: string): string | undefined {
  if (harmless.test(segment)) return undefined;
  if (segment === '') return 'has an empty name in it';
  if (segment === '.' || segment === '..') return `has ${JSON.stringify(segment)} in it`;
  if (segment.includes('\0')) return 'has a NUL in it';
  if (segment.includes('\\')) return 'has a backslash in it';
  if (Buffer.byteLength(segment) > segmentBytes) return `has a name of over ${segmentBytes} bytes in it`;
  return Buffer.from(segment).toString() === segment ? undefined : 'is not well-formed text';
}

/** What is wrong with a relative path, as the end of a sentence; undefined where nothing is. */
export function pathFault(relative: string): string | undefined {
  if (relative.startsWith('/')) return 'is absolute';
  for (const segment of relative.split('/')) {
    const fault = segmentFault(segment);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

export function checkPath(relative: string): void {
  const fault = pathFault(relative);
  if (fault !== undefined) refuse('tree-path', `the path ${JSON.stringify(relative)} ${fault}`, 'rename it');
}

const isAscii = (text: string): boolean => /^[\x20-\x7e]*$/.test(text);

/** Equal for two names that some file system takes for one. */
export function foldedName(name: string): string {
  if (isAscii(name)) return name.toLowerCase();
  return name.normalize('NFC').toUpperCase().toLowerCase().normalize('NFC');
}

export function checkClashes(entries: readonly TreeEntry[]): void {
  const seen = new Map<string, string>();
  for (const entry of entries) {
    const folded = foldedName(entry.path);
    const other = seen.get(folded);
    if (other !== undefined) {
      refuse(
        'tree-clash',
        `${JSON.stringify(other)} and ${JSON.stringify(entry.path)} are one file on some disks (case, or how accents are written)`,
        'rename one of them',
      );
    }
    seen.set(folded, entry.path);
  }
}

/** Every entry's folder must be listed as a folder: nothing lies under a file or a link. */
export function checkParents(entries: readonly TreeEntry[]): void {
  const folders = new Set(entries.filter((e) => e.type === 'folder').map((e) => e.path));
  for (const entry of entries) {
    const parent = path.posix.dirname(entry.path);
    if (parent !== '.' && !folders.has(parent)) {
      refuse('tree-path', `${JSON.stringify(entry.path)} lies in no listed folder`);
    }
  }
}

type Destination =
  | { readonly kind: 'entry'; readonly entry: TreeEntry }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'outside' };

/** Follows a path through the listing's own links, as the system would. */
export function resolveInTree(entries: ReadonlyMap<string, TreeEntry>, start: string): Destination {
  let done: string[] = [];
  let todo = start.split('/');
  for (let hops = 0; todo.length > 0;) {
    const [segment = '', ...rest] = todo;
    todo = rest;
    if (segment === '' || segment === '.') continue;
    if (segment === '..') {
      if (done.length === 0) return { kind: 'outside' };
      done = done.slice(0, -1);
      continue;
    }
    const entry = entries.get([...done, segment].join('/'));
    if (entry?.type !== 'link') {
      done = [...done, segment];
      continue;
    }
    if (entry.target.startsWith('/')) return { kind: 'outside' };
    if ((hops += 1) > linkHops) return { kind: 'nothing' };
    todo = [...entry.target.split('/'), ...todo];
  }
  const entry = entries.get(done.join('/'));
  return entry ? { kind: 'entry', entry } : { kind: 'nothing' };
}

export function checkLinks(entries: readonly TreeEntry[]): void {
  const byPath = new Map(entries.map((entry) => [entry.path, entry]));
  for (const entry of entries) {
    if (entry.type !== 'link') continue;
    if (entry.target === '' || entry.target.includes('\0') || entry.target.includes('\\')) {
      refuse(
        'tree-link',
        `the link ${JSON.stringify(entry.path)} has the target ${JSON.stringify(entry.target)}`,
      );
    }
    if (resolveInTree(byPath, entry.path).kind === 'outside') {
      refuse(
        'tree-link',
        `the link ${JSON.stringify(entry.path)} -> ${JSON.stringify(entry.target)} leads out of the folder`,
        'copy what it points to into the folder',
      );
    }
  }
}

/** All rules over a whole listing. */
export function checkEntries(entries: readonly TreeEntry[]): void {
  if (entries.length > entryLimit) {
    refuse(
      'tree-size',
      `the folder holds over ${entryLimit.toLocaleString('en')} entries`,
      'pack it into one file, such as an archive or a JSONL',
    );
  }
  for (const entry of entries) checkPath(entry.path);
  checkClashes(entries);
  checkParents(entries);
  checkLinks(entries);
}
