/** What the journal of a run says, folded: the run and each of its cells as they stand. */
import type { JsonObject } from '../../../schemas/json.js';
import type { Failure } from '../../../schemas/protocol.js';
import type { CellId, Key } from '../../pipeline.js';
import type {
  CellFinished,
  CellStarted,
  LifecycleEvent,
  RunFinished,
  RunSource,
  RunStarted,
} from '../events.js';

export interface CellPicture {
  readonly id: CellId;
  readonly key?: Key;
  /** Milliseconds since 1970 at which it was begun; absent where it never ran in this run. */
  readonly started?: number;
  /** How often it was begun. */
  readonly tries: number;
  readonly end?: CellEnd;
}

export interface CellEnd extends Omit<CellFinished, 'type' | 'cell'> {
  readonly time: number;
  /** Of the line in the journal that says so: a cell that is reopened ends again, later. */
  readonly seq: number;
}

export interface RunPicture {
  readonly run: string;
  readonly pipeline: string;
  /** Absolute path of the YAML file. */
  readonly file: string;
  readonly experiment: string;
  readonly params: JsonObject;
  readonly source: RunSource;
  /** Milliseconds since 1970. */
  readonly started: number;
  readonly cells: ReadonlyMap<CellId, CellPicture>;
  readonly notes: readonly { readonly cell?: CellId; readonly text: string }[];
  readonly end?: Omit<RunFinished, 'type'> & { readonly time: number };
  /** Of the last line that is in this picture. */
  readonly seq: number;
}

type Line = LifecycleEvent & { readonly time: number; readonly seq: number };

/** Folds lines of the journal, in their order; lines that it doesn't know change nothing. */
export class Picturing {
  readonly #run: string;
  readonly #cells = new Map<CellId, CellPicture>();
  readonly #notes: { readonly cell?: CellId; readonly text: string }[] = [];
  #started: (RunStarted & { readonly time: number }) | undefined;
  #end: RunPicture['end'];
  #seq = 0;

  constructor(run: string) {
    this.#run = run;
  }

  add(lines: readonly JsonObject[]): void {
    for (const line of lines) this.#fold(line as unknown as Line);
  }

  /** Undefined until the run has begun. */
  get picture(): RunPicture | undefined {
    if (!this.#started) return undefined;
    const { pipeline, file, experiment = pipeline, params = {}, source = {}, time } = this.#started;
    return {
      run: this.#run,
      pipeline,
      file,
      experiment,
      params,
      source,
      started: time,
      cells: this.#cells,
      notes: this.#notes,
      ...(this.#end ? { end: this.#end } : {}),
      seq: this.#seq,
    };
  }

  #fold(line: Line): void {
    this.#seq = line.seq;
    switch (line.type) {
      case 'run-started':
        this.#started = line;
        return;
      case 'cell-started':
        this.#start(line);
        return;
      case 'cell-finished':
        this.#finish(line);
        return;
      case 'cell-reopened':
        this.#reopen(line.cell);
        return;
      case 'run-note':
        this.#notes.push({ ...(line.cell === undefined ? {} : { cell: line.cell }), text: line.text });
        return;
      case 'run-finished':
        this.#end = line;
        return;
      case 'cell-waiting':
      case 'cell-retried':
    }
  }

  #start({ cell, key, time }: CellStarted & { readonly time: number }): void {
    const before = this.#cells.get(cell);
    this.#cells.set(cell, {
      id: cell,
      key,
      started: before?.started ?? time,
      tries: (before?.tries ?? 0) + 1,
    });
  }

  #finish({ cell, ...end }: CellFinished & { readonly time: number; readonly seq: number }): void {
    const before = this.#cells.get(cell) ?? { id: cell, tries: 0 };
    const key = end.key ?? before.key;
    this.#cells.set(cell, { ...before, ...(key === undefined ? {} : { key }), end });
  }

  #reopen(cell: CellId): void {
    const before = this.#cells.get(cell);
    if (!before) return;
    const { id, key, started, tries } = before;
    this.#cells.set(cell, {
      ...{ id, tries },
      ...(key === undefined ? {} : { key }),
      ...(started === undefined ? {} : { started }),
    });
  }
}

/** Whether a cell worked in this run, and so has a run of its own on the server. */
export const isExecuted = ({ started }: CellPicture): boolean => started !== undefined;

export const failureOf = ({ end }: CellPicture): Failure | undefined => end?.failure;
