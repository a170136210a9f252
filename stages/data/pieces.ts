/** Files of text in pieces: no text or buffer of a whole file is made, which Node limits. */
import { constants } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { StageFailure } from '../../runner/contract.js';
import { unreadable } from './table.js';

/** Characters that one text may have in Node: half a gibibyte. What has to be one text is refused beyond. */
export const longestText = constants.MAX_STRING_LENGTH;

/** Bytes that are read at once. */
const piece = 1 << 20;
const newline = 0x0a;

export const bytesOf = (path: string): AsyncIterable<Buffer> =>
  createReadStream(path, { highWaterMark: piece });

/**
 * The bytes within a gzip file.
 *
 * @param name how messages call the file
 */
export async function* unpacked(path: string, name: string): AsyncGenerator<Buffer> {
  try {
    // What goes wrong is told to whoever reads.
    yield* pipeline(bytesOf(path), createGunzip({ chunkSize: piece }), () => undefined);
  } catch (error) {
    if (!(error as NodeJS.ErrnoException).code?.startsWith('Z_')) throw error;
    throw unreadable(name, 'gzip', (error as Error).message);
  }
}

/** Whole lines, some at once, each with its end; the last may have none. */
export async function* wholeLines(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let begun: Buffer[] = [];
  for await (const bytes of pieces) {
    const end = bytes.lastIndexOf(newline) + 1;
    if (end > 0) {
      yield Buffer.concat([...begun, bytes.subarray(0, end)]);
      begun = [];
    }
    if (end < bytes.length) begun.push(bytes.subarray(end));
  }
  if (begun.length > 0) yield Buffer.concat(begun);
}

/** Each line of what `wholeLines` gives, without its end. */
export function* linesIn(bytes: Buffer): Generator<Buffer> {
  for (let start = 0; start < bytes.length;) {
    const found = bytes.indexOf(newline, start);
    const end = found < 0 ? bytes.length : found;
    yield bytes.subarray(start, end);
    start = end + 1;
  }
}

/** `1.5 GiB`. */
export const sizeText = (bytes: number): string =>
  bytes >= 2 ** 30 ? `${(bytes / 2 ** 30).toFixed(1)} GiB` : `${Math.ceil(bytes / 2 ** 20)} MiB`;

/** A file that can't be read in pieces, and is beyond what can be read at once. */
export const tooLarge = (
  file: string,
  format: string,
  { most, found, remedy }: { readonly most: number; readonly found: number; readonly remedy: string },
): StageFailure =>
  new StageFailure(
    'user',
    'too-large',
    `${file}: expected ${format} of at most ${sizeText(most)}, found ${sizeText(found)}; ${remedy}`,
  );
