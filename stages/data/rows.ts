/** The rows of a split: the files of it in order, each record made a row, limited, and given once. */
import { StageFailure } from '../../runner/contract.js';
import { err, ok, type Result } from '../../schemas/result.js';
import { missingColumns, rowOf, type Columns } from './columns.js';
import { fit, type Fitted, type LengthLimit } from './length.js';
import { place, problemsFailure, type PlacedProblem, type Table, type TableRecord } from './table.js';
import type { Row } from './types.js';

export const repeatChoices = ['keep', 'prompts', 'rows'] as const;
/** What makes a row a repetition of an earlier one: its prompt, all its texts, or nothing. */
export type Repeats = (typeof repeatChoices)[number];

export interface RowOptions {
  /** `train`, `validation`, `test` or `rows`: what rows without an id are named after. */
  readonly split: string;
  readonly columns: Columns;
  readonly prompt: LengthLimit;
  readonly response: LengthLimit;
  readonly deduplicate: Repeats;
  /** Most rows, from the front; 0: all. */
  readonly documents: number;
}

/** How many rows were left out, and how many texts cut. */
export interface Changes {
  readonly long: number;
  readonly short: number;
  readonly repeated: number;
  readonly cutPrompts: number;
  readonly cutResponses: number;
}

export interface ReadRows {
  readonly rows: readonly Row[];
  readonly changes: Changes;
}

/**
 * Reads the rows of a split. Throws a StageFailure (class user) that names the place of what is no row, of repeated
 * ids, of texts that are too long where `longer` says error; and where no row is left.
 */
export async function readRows(tables: readonly Table[], options: RowOptions): Promise<ReadRows> {
  const reader = new RowReader(options);
  for (const table of tables) await reader.read(table);
  return reader.end(tables);
}

class RowReader {
  readonly #options: RowOptions;
  readonly #rows: Row[] = [];
  readonly #problems: PlacedProblem[] = [];
  readonly #placeOfId = new Map<string, string>();
  readonly #seen = new Set<string>();
  readonly #changes = { long: 0, short: 0, repeated: 0, cutPrompts: 0, cutResponses: 0 };
  /** Records of the files before. */
  #before = 0;

  constructor(options: RowOptions) {
    this.#options = options;
  }

  async read(table: Table): Promise<void> {
    let last = 0;
    for await (const record of table.records()) {
      if (this.#isFull) return;
      if (last === 0 && this.#lacksColumns(table, record)) return;
      const read = record.ok ? this.#take(table, record.value) : record;
      if (!read.ok) this.#problems.push({ ...read.error, table });
      last = record.ok ? record.value.at : record.error.at;
    }
    this.#before += last;
  }

  /** Where one line names the columns of all records, what it lacks is said once, and of it. */
  #lacksColumns(table: Table, record: Result<TableRecord, unknown>): boolean {
    const { header } = table;
    if (header === undefined || !record.ok) return false;
    const missing = missingColumns({ ...record.value, at: header }, this.#options.columns);
    for (const problem of missing) this.#problems.push({ ...problem, table });
    return missing.length > 0;
  }

  end(tables: readonly Table[]): ReadRows {
    if (this.#problems.length > 0) throw problemsFailure(this.#problems);
    const files = tables.map(({ file }) => file).join(', ');
    if (this.#rows.length === 0) throw noRows(files, this.#changes);
    return { rows: this.#rows, changes: this.#changes };
  }

  get #isFull(): boolean {
    const { documents } = this.#options;
    return documents > 0 && this.#rows.length >= documents;
  }

  #take(table: Table, record: TableRecord): Result<void, Omit<PlacedProblem, 'table'>> {
    const { columns, split, deduplicate } = this.#options;
    const found = rowOf(record, columns, `${split}-${this.#before + record.at}`);
    if (!found.ok) return found;
    const { id } = found.value;
    const earlier = this.#placeOfId.get(id);
    if (earlier !== undefined) return err(repeatedId(id, record.at, earlier));
    this.#placeOfId.set(id, place(table, record.at));
    const limited = limitRow(found.value, this.#options);
    if (limited.kind === 'refuse') return err({ at: record.at, code: 'too-long', message: limited.message });
    if (limited.kind === 'drop') this.#changes[limited.why]++;
    else if (this.#isRepeated(limited.row, deduplicate)) this.#changes.repeated++;
    else this.#keep(limited);
    return ok(undefined);
  }

  #isRepeated(row: Row, repeats: Repeats): boolean {
    if (repeats === 'keep') return false;
    const text = repeats === 'prompts' ? row.prompt : JSON.stringify({ ...row, id: undefined });
    if (this.#seen.has(text)) return true;
    this.#seen.add(text);
    return false;
  }

  #keep({ row, cut }: Extract<LimitedRow, { kind: 'row' }>): void {
    this.#rows.push(row);
    if (cut.prompt) this.#changes.cutPrompts++;
    if (cut.response) this.#changes.cutResponses++;
  }
}

/** A row within the limits, or why there is none. */
type LimitedRow =
  | {
      readonly kind: 'row';
      readonly row: Row;
      readonly cut: { readonly prompt: boolean; readonly response: boolean };
    }
  | { readonly kind: 'drop'; readonly why: 'long' | 'short' }
  | { readonly kind: 'refuse'; readonly message: string };

/** Columns that the limit of responses is for. References stay whole: rewards compare with what people wrote. */
const responses = ['response', 'chosen', 'rejected'] as const;

function limitRow(row: Row, limits: Pick<RowOptions, 'prompt' | 'response'>): LimitedRow {
  const cut = { prompt: false, response: false };
  let limited = row;
  for (const column of ['prompt', ...responses] as const) {
    const text = row[column];
    if (text === undefined) continue;
    const what = column === 'prompt' ? 'prompt' : 'response';
    const fitted: Fitted = fit(text, limits[what]);
    if (fitted.kind === 'refuse') return refusal(column, what, limits[what], fitted.words);
    if (fitted.kind === 'drop') return fitted;
    cut[what] ||= fitted.kind === 'cut';
    limited = { ...limited, [column]: fitted.text };
  }
  return { kind: 'row', row: limited, cut };
}

function refusal(column: string, limit: string, { words }: LengthLimit, found: number): LimitedRow {
  return {
    kind: 'refuse',
    message:
      `expected a ${column} of at most ${words} words and marks, found ${found}; ` +
      `with ${limit}.longer: truncate it is cut, with drop the row is left out`,
  };
}

function repeatedId(id: string, at: number, earlier: string): Omit<PlacedProblem, 'table'> {
  const message = `expected an id of its own, found ${JSON.stringify(id)}, which ${earlier} has too`;
  return { at, code: 'repeated-id', message };
}

function noRows(files: string, { long, short }: Changes): StageFailure {
  const dropped = long + short;
  const why =
    dropped > 0
      ? `all ${dropped} rows are outside the limits of prompt and response, and were left out`
      : 'there is no row in it';
  return new StageFailure('user', 'empty-dataset', `${files}: expected at least one row, found none: ${why}`);
}
