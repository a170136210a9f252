/**
 * What was sent of a run to a server: `track/<run>/<address hash>.jsonl`, one fact a line, the last one of its kind
 * counts. It spares questions and decides nothing that the server could not be asked: without it, or from another
 * machine, the server's tags say where to go on.
 */
import fs from 'node:fs';
import path from 'node:path';
import { sha256 } from '../../../schemas/json.js';
import type { CellId } from '../../pipeline.js';

/** A stretch of the events of an attempt: the number of its folder, first and last seq. */
export interface Stretch {
  readonly attempt: number;
  readonly first: number;
  readonly last: number;
}

export type Fact =
  | { readonly kind: 'run'; readonly experiment: string; readonly id: string; readonly artifacts: string }
  | { readonly kind: 'cell'; readonly cell: CellId; readonly id: string; readonly artifacts: string }
  /** About to be sent: after a crash exactly this is sent again. */
  | ({ readonly kind: 'sending'; readonly cell: CellId } & Stretch)
  | { readonly kind: 'sent'; readonly cell: CellId; readonly attempt: number; readonly last: number }
  /** All of the cell is there: `seq` is that of the journal's line that ended it, 0 where none did. */
  | { readonly kind: 'done'; readonly cell: CellId; readonly seq: number }
  /** The server will not have it, whatever is done. */
  | { readonly kind: 'refused'; readonly cell: CellId; readonly message: string }
  | { readonly kind: 'finished' }
  /** Forget everything above. */
  | { readonly kind: 'anew' };

export interface SentCell {
  readonly id: string;
  readonly artifacts: string;
  readonly sending?: Stretch;
  readonly sent?: { readonly attempt: number; readonly last: number };
  readonly done?: number;
}

export interface SentRun {
  readonly experiment: string;
  readonly id: string;
  readonly artifacts: string;
}

export const trackFolder = (root: string, run: string): string => path.join(root, 'track', run);
const fileOf = (root: string, run: string, address: string, ending: string): string =>
  path.join(trackFolder(root, run), `${sha256(address).slice(0, 16)}.${ending}`);

export class Sent {
  run: SentRun | undefined;
  finished = false;
  /** Why the server will not have a cell; one may be refused before it has a run there. */
  readonly refusedCells = new Map<CellId, string>();
  readonly cells = new Map<CellId, SentCell>();
  readonly #file: string;
  #line: string | undefined;

  private constructor(file: string) {
    this.#file = file;
  }

  /** What is known of a run at a server; nothing where it was never sent. */
  static read(root: string, run: string, address: string): Sent {
    const sent = new Sent(fileOf(root, run, address, 'jsonl'));
    for (const line of readLines(sent.#file)) sent.#apply(line);
    return sent;
  }

  /** Notes a fact for good. One writer a file: who holds the lease. */
  note(fact: Fact): void {
    if (this.#line === undefined) {
      fs.mkdirSync(path.dirname(this.#file), { recursive: true });
      // Behind half a line that a crash left, a new one begins.
      this.#line =
        fs.existsSync(this.#file) && !fs.readFileSync(this.#file, 'utf8').endsWith('\n') ? '\n' : '';
    }
    const line = `${this.#line}${JSON.stringify(fact)}\n`;
    // Nor is one written on that this disk took half of.
    this.#line = '\n';
    fs.appendFileSync(this.#file, line);
    this.#line = '';
    this.#apply(fact);
  }

  cell(id: CellId): SentCell | undefined {
    return this.cells.get(id);
  }

  #apply(fact: Fact): void {
    switch (fact.kind) {
      case 'run':
        this.run = fact;
        return;
      case 'cell':
        this.cells.set(fact.cell, { id: fact.id, artifacts: fact.artifacts });
        return;
      case 'finished':
        this.finished = true;
        return;
      case 'anew':
        this.run = undefined;
        this.finished = false;
        this.cells.clear();
        this.refusedCells.clear();
        return;
      case 'refused':
        this.refusedCells.set(fact.cell, fact.message);
        return;
      case 'sending':
        this.#change(fact.cell, { sending: fact });
        return;
      case 'sent':
        this.#change(fact.cell, { sent: fact });
        return;
      case 'done':
        this.#change(fact.cell, { done: fact.seq });
    }
  }

  #change(cell: CellId, change: Partial<SentCell>): void {
    const before = this.cells.get(cell);
    if (before) this.cells.set(cell, { ...before, ...change });
  }
}

function readLines(file: string): readonly Fact[] {
  if (!fs.existsSync(file)) return [];
  return fs
    .readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return line === '' ? [] : [JSON.parse(line) as Fact];
      } catch {
        return []; // torn by a crash: what it said is found out again
      }
    });
}

/** How the sending of a run stands, for whoever waits for it. */
export interface Status {
  /** `waiting`: the server is away, and is tried again. `stopped`: nobody sends any more, and something is owed. */
  readonly state: 'sending' | 'waiting' | 'stopped' | 'done';
  readonly address: string;
  /** Page of the run. */
  readonly page?: string;
  /** Page of its experiment, with charts. */
  readonly view?: string;
  /** Events and results that are still to be sent, as far as is known. */
  readonly owed: number;
  readonly problem?: string;
  /** What the server refused for good. */
  readonly refused?: readonly string[];
}

export function writeStatus(root: string, run: string, status: Status): void {
  const file = fileOf(root, run, status.address, 'status.json');
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.new`;
  fs.writeFileSync(temporary, JSON.stringify(status));
  fs.renameSync(temporary, file);
}

export function readStatus(root: string, run: string, address: string): Status | undefined {
  try {
    return JSON.parse(fs.readFileSync(fileOf(root, run, address, 'status.json'), 'utf8')) as Status;
  } catch {
    return undefined;
  }
}
