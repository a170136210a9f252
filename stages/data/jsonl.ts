/** Reading JSON Lines: one JSON object a line, in UTF-8; every problem has its file and line. */
import { readFile } from 'node:fs/promises';
import { TextDecoder } from 'node:util';
import { StageFailure } from '../../runner/contract.js';
import { err, ok, type Result } from '../../schemas/result.js';

export interface JsonLine {
  /** Counted from 1. */
  readonly line: number;
  readonly value: Readonly<Record<string, unknown>>;
}

/** What is wrong with one line. */
export interface LineProblem {
  readonly line: number;
  readonly code: string;
  readonly message: string;
}

/** How many problems of a file one failure lists; the rest are counted. */
const listed = 5;

/** The lines of a JSONL file, each parsed or with its problem. Empty lines are passed over. */
export async function* readJsonl(path: string): AsyncGenerator<Result<JsonLine, LineProblem>> {
  const bytes = await readFile(path);
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let start = 0;
  for (let line = 1; start < bytes.length; line++) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline < 0 ? bytes.length : newline;
    const parsed = parseLine(bytes.subarray(start, end), line, decoder);
    if (parsed) yield parsed;
    start = end + 1;
  }
}

function parseLine(
  bytes: Uint8Array,
  line: number,
  decoder: TextDecoder,
): Result<JsonLine, LineProblem> | undefined {
  let text: string;
  try {
    text = decoder.decode(bytes).trim();
  } catch {
    return err({ line, code: 'not-utf8', message: 'expected text in UTF-8, found bytes that are not' });
  }
  return text === '' ? undefined : parseObject(text, line);
}

function parseObject(text: string, line: number): Result<JsonLine, LineProblem> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return err({ line, code: 'not-json', message: `expected a JSON object, found ${excerpt(text)}` });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return ok({ line, value: value as Record<string, unknown> });
  return err({ line, code: 'not-object', message: `expected a JSON object, found ${describe(value)}` });
}

/** A failure that lists the first problems of a file as file:line: what was expected, what was found. */
export function problemsFailure(file: string, problems: readonly LineProblem[]): StageFailure {
  const lines = problems.slice(0, listed).map(({ line, message }) => `${file}:${line}: ${message}`);
  const more = problems.length - lines.length;
  if (more > 0) lines.push(`and ${more} more line${more === 1 ? '' : 's'} of ${file} like these`);
  return new StageFailure('user', problems[0]?.code ?? 'bad-line', lines.join('\n'));
}

/** A JSON value as an error message names it. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (value === '') return 'an empty text';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'string'
    ? `the text ${excerpt(value)}`
    : `the ${typeof value} ${JSON.stringify(value)}`;
}

function excerpt(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
}
