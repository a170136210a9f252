/** One split of a data set from a JSONL file: parsed, limited, counted. */
import { StageFailure } from '../../runner/contract.js';
import { err, ok, type Result } from '../../schemas/result.js';
import { rowOf, type Columns } from './columns.js';
import { problemsFailure, readJsonl, type JsonLine, type LineProblem } from './jsonl.js';
import { fit, type LengthLimit } from './length.js';
import type { Row } from './types.js';

export interface SplitOptions {
  /** `train`, `validation` or `test`. */
  readonly split: string;
  /** How messages call the file. */
  readonly file: string;
  readonly columns: Columns;
  readonly prompt: LengthLimit;
  readonly response: LengthLimit;
  /** Most rows, from the front; 0: all. */
  readonly documents: number;
}

export interface Split {
  readonly rows: readonly Row[];
  /** Rows left out, prompts and responses cut, because they were longer than allowed. */
  readonly dropped: number;
  readonly truncatedPrompts: number;
  readonly truncatedResponses: number;
}

/**
 * Reads a split. Throws a StageFailure (class user) that names file and line of what is no row, of repeated ids, of
 * texts that are too long where `longer` says error; and where no row is left.
 */
export async function readSplit(path: string, options: SplitOptions): Promise<Split> {
  const problems: LineProblem[] = [];
  const rows: Row[] = [];
  const lineOfId = new Map<string, number>();
  const counts = { dropped: 0, truncatedPrompts: 0, truncatedResponses: 0 };
  for await (const json of readJsonl(path)) {
    if (options.documents > 0 && rows.length >= options.documents) break;
    const read = json.ok ? readRow(json.value, options, lineOfId) : json;
    if (!read.ok) problems.push(read.error);
    else if (read.value.kind === 'drop') counts.dropped++;
    else {
      rows.push(read.value.row);
      if (read.value.cut.prompt) counts.truncatedPrompts++;
      if (read.value.cut.response) counts.truncatedResponses++;
    }
  }
  if (problems.length > 0) throw problemsFailure(options.file, problems);
  if (rows.length === 0) throw emptySplit(options.file, counts.dropped);
  return { rows, ...counts };
}

type ReadRow = Result<Exclude<LimitedRow, { kind: 'refuse' }>, LineProblem>;

function readRow(json: JsonLine, options: SplitOptions, lineOfId: Map<string, number>): ReadRow {
  const found = rowOf(json, options.columns, options.split);
  if (!found.ok) return found;
  const { id } = found.value;
  const earlier = lineOfId.get(id);
  if (earlier !== undefined) return err(repeatedId(id, json.line, earlier));
  lineOfId.set(id, json.line);
  const limited = limitRow(found.value, options);
  if (limited.kind === 'refuse') return err({ line: json.line, code: 'too-long', message: limited.message });
  return ok(limited);
}

/** A row within the limits, or why there is none. */
type LimitedRow =
  | {
      readonly kind: 'row';
      readonly row: Row;
      readonly cut: { readonly prompt: boolean; readonly response: boolean };
    }
  | { readonly kind: 'drop' }
  | { readonly kind: 'refuse'; readonly message: string };

function limitRow(row: Row, limits: Pick<SplitOptions, 'prompt' | 'response'>): LimitedRow {
  const prompt = fit(row.prompt, limits.prompt);
  if (prompt.kind === 'refuse') return refusal('prompt', limits.prompt, prompt.words);
  if (prompt.kind === 'drop') return prompt;
  const cut = { prompt: prompt.kind === 'cut', response: false };
  if (row.response === undefined) return { kind: 'row', row: { ...row, prompt: prompt.text }, cut };
  const response = fit(row.response, limits.response);
  if (response.kind === 'refuse') return refusal('response', limits.response, response.words);
  if (response.kind === 'drop') return response;
  // The references stay whole: rewards compare with what people wrote.
  const texts = { prompt: prompt.text, response: response.text };
  return { kind: 'row', row: { ...row, ...texts }, cut: { ...cut, response: response.kind === 'cut' } };
}

function refusal(what: 'prompt' | 'response', limit: LengthLimit, words: number): LimitedRow {
  return {
    kind: 'refuse',
    message:
      `expected a ${what} of at most ${limit.words} words and marks, found ${words}; ` +
      `with ${what}.longer: truncate it is cut, with drop the row is left out`,
  };
}

function repeatedId(id: string, line: number, earlier: number): LineProblem {
  return {
    line,
    code: 'repeated-id',
    message: `expected an id of its own, found ${JSON.stringify(id)}, which line ${earlier} has too`,
  };
}

function emptySplit(file: string, dropped: number): StageFailure {
  const why =
    dropped > 0
      ? `all ${dropped} rows are longer than the limits of prompt and response, and were dropped`
      : 'the file has no line with text';
  return new StageFailure('user', 'empty-dataset', `${file}: expected at least one row, found none: ${why}`);
}
