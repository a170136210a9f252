/** The lines that were added to a file since it was last read; half a line waits for its other half. */
import fs from 'node:fs';

const most = 1 << 22;

export class Tail {
  readonly #file: string;
  #at = 0;

  constructor(file: string) {
    this.#file = file;
  }

  /** Whole new lines, of at most 4 MiB; call again until there are none. A file that isn't there yet has none. */
  read(): readonly string[] {
    const size = fs.statSync(this.#file, { throwIfNoEntry: false })?.size ?? 0;
    if (size <= this.#at) return [];
    const bytes = this.#bytes(Math.min(size - this.#at, most));
    const end = bytes.lastIndexOf(0x0a) + 1;
    this.#at += end;
    return bytes.subarray(0, end).toString('utf8').split('\n').slice(0, -1);
  }

  /** All whole lines that are there now. */
  readAll(): readonly string[] {
    const lines: string[] = [];
    for (let more = this.read(); more.length > 0; more = this.read()) lines.push(...more);
    return lines;
  }

  #bytes(length: number): Buffer {
    const file = fs.openSync(this.#file, 'r');
    try {
      const buffer = Buffer.alloc(length);
      return buffer.subarray(0, fs.readSync(file, buffer, 0, length, this.#at));
    } finally {
      fs.closeSync(file);
    }
  }
}
