/** Rows of one batch that differ in the output layer alone: they share all that runs before it. */
import type { Tensor2D } from '@tensorflow/tfjs';
import { logSoftmax } from '../backend/ops/distribution.js';
import { linearTransposed } from '../backend/ops/linear.js';
import { gatherRows, pick } from '../backend/ops/rows.js';
import { tf } from '../backend/tf.js';
import type { Packed } from './forest.js';

export interface RowHeads {
  /** (V, C) each. */
  readonly tensors: readonly Tensor2D[];
  /** Which of them answers each row. */
  readonly of: Int32Array;
}

/** (rows, V) log-probabilities: row i from hidden state places[i], by its own head. */
export function byHeads(
  hidden: Tensor2D,
  places: Int32Array,
  { tensors, of, masked }: RowHeads & { readonly masked: Int32Array },
): Tensor2D {
  return assembleRows(of, tensors.length, (rows, h) =>
    tf.tidy(() => {
      const head = tensors[h];
      if (!head) throw new Error('internal error: a row has no output layer; please report it');
      const own = gatherRows(
        hidden,
        Int32Array.from(rows, (row) => places[row] ?? 0),
      );
      return logSoftmax(linearTransposed(own, head), masked);
    }),
  );
}

/** (S) log-probabilities of scored tokens, from (M, C) hidden states of their places: each by the head of its response. */
export function scoredByHeads(
  hidden: Tensor2D,
  { rows, tokens, response }: Pick<Packed, 'rows' | 'tokens' | 'response'>,
  { tensors, of, masked }: RowHeads & { readonly masked: Int32Array },
): Float32Array {
  const values = new Float32Array(tokens.length);
  tensors.forEach((head, h) => {
    const scored = [...tokens.keys()].filter((s) => of[response[s] ?? -1] === h);
    const places = [...new Set(scored.map((s) => rows[s] ?? 0))];
    const placed = new Map(places.map((place, i) => [place, i]));
    const found = tf.tidy(() => {
      const own = gatherRows(hidden, Int32Array.from(places));
      const distributions = logSoftmax(linearTransposed(own, head), masked); // (places, V)
      return pick(
        distributions,
        Int32Array.from(scored, (s) => placed.get(rows[s] ?? 0) ?? 0),
        Int32Array.from(scored, (s) => tokens[s] ?? 0),
      ).dataSync<'float32'>();
    });
    scored.forEach((s, i) => (values[s] = found[i] ?? NaN));
  });
  return values;
}

/**
 * One table of those that each of several answers for the rows it has, `of` says which, in the order of the rows. A
 * narrower one is filled up with 0. Takes the tables over.
 */
export function assembleRows(
  of: ArrayLike<number>,
  count: number,
  answer: (rows: readonly number[], i: number) => Tensor2D,
): Tensor2D {
  const rowsOf = Array.from({ length: count }, (): number[] => []);
  Array.from(of, (i, row) => rowsOf[i]?.push(row));
  const asked = rowsOf.flatMap((rows, i) => (rows.length > 0 ? [{ rows, i }] : []));
  const parts = asked.map(({ rows, i }) => answer(rows, i));
  const widest = Math.max(...parts.map(({ shape }) => shape[1]));
  const back = new Int32Array(of.length);
  asked.flatMap(({ rows }) => rows).forEach((row, place) => (back[row] = place));
  const whole = tf.tidy(() => {
    const even = parts.map((part) =>
      part.shape[1] === widest
        ? part
        : tf.pad2d(part, [
            [0, 0],
            [0, widest - part.shape[1]],
          ]),
    );
    return gatherRows(tf.concat(even, 0), back);
  });
  parts.forEach((part) => part.dispose());
  return whole;
}
