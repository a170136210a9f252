/** Looks for secrets in what lies on a disk. */
import { closeSync, lstatSync, openSync, readSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Searcher, type Pattern } from './secrets.js';

const chunkBytes = 1 << 20;

/** Whether a file, or anything below a folder, names included, holds a pattern. */
export function holds(path: string, patterns: readonly Pattern[]): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory())
    return readdirSync(path).some((name) => inText(name, patterns) || holds(join(path, name), patterns));
  if (stat?.isSymbolicLink()) return inText(readlinkSync(path), patterns);
  return stat?.isFile() === true && inFile(path, patterns);
}

function inText(text: string, patterns: readonly Pattern[]): boolean {
  const searcher = new Searcher(patterns);
  searcher.push(Buffer.from(text));
  return searcher.found !== undefined;
}

function inFile(path: string, patterns: readonly Pattern[]): boolean {
  const searcher = new Searcher(patterns);
  const buffer = Buffer.allocUnsafe(chunkBytes);
  const file = openSync(path, 'r');
  try {
    for (let count = 1; count > 0 && !searcher.found;) {
      count = readSync(file, buffer, 0, chunkBytes, null);
      searcher.push(Buffer.from(buffer.subarray(0, count)));
    }
  } finally {
    closeSync(file);
  }
  return searcher.found !== undefined;
}
