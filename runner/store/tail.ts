/** The lines that were added to a file since it was last read; half a line waits for its other half. */
import fs from 'node:fs';
import { StringDecoder } from 'node:string_decoder';

const most = 1 << 22;
const chunk = 1 << 16;

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

/** New text of a file, whether a line ends or not. A character is given out when all of its bytes are there. */
export class TextTail {
  readonly #file: string;
  readonly #decoder = new StringDecoder('utf8');
  #at = 0;

  constructor(file: string) {
    this.#file = file;
  }

  read(): string {
    if ((fs.statSync(this.#file, { throwIfNoEntry: false })?.size ?? 0) <= this.#at) return '';
    const file = fs.openSync(this.#file, 'r');
    try {
      return this.#readOn(file);
    } finally {
      fs.closeSync(file);
    }
  }

  #readOn(file: number): string {
    const buffer = Buffer.alloc(chunk);
    let text = '';
    for (;;) {
      const count = fs.readSync(file, buffer, 0, chunk, this.#at);
      if (count === 0) return text;
      this.#at += count;
      text += this.#decoder.write(buffer.subarray(0, count));
    }
  }
}
