/** Dividing rows among splits by a hash: a row stays in its split whatever other rows come or go. */
import { sha256 } from '../../schemas/json.js';
import type { Row } from './types.js';

export interface Shares {
  /** Expected share of rows. */
  readonly validation: number;
  readonly test: number;
  /** Another text, another division. */
  readonly salt: string;
}

export type Divided = Readonly<Record<'train' | 'validation' | 'test', readonly Row[]>>;

/**
 * Divides rows, in their order. A share that grows keeps its rows and takes rows of the training split alone: `test`
 * lies at one end of [0, 1), `validation` at the other.
 *
 * @param named whether ids are the data's own. Where they count lines, the prompt is hashed: rows with one prompt then
 *   never stand on both sides
 */
export function divide(rows: readonly Row[], { validation, test, salt }: Shares, named: boolean): Divided {
  const splits: Record<'train' | 'validation' | 'test', Row[]> = { train: [], validation: [], test: [] };
  for (const row of rows) {
    const place = uniform(`${salt}\0${named ? row.id : row.prompt}`);
    splits[place < test ? 'test' : place >= 1 - validation ? 'validation' : 'train'].push(row);
  }
  return splits;
}

/** The first 52 bits of a SHA-256 as a number in [0, 1). */
const uniform = (text: string): number => Number.parseInt(sha256(text).slice(0, 13), 16) / 2 ** 52;
