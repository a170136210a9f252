/** A model once more in plain Float64, one token after the other: what engines are held against. */
import { unreachable } from '../../../schemas/result.js';
import type { Activation } from '../../backend/ops/activation.js';
import type { Attention, FeedForward, Linear, Norm, RelativePositions, Stack } from '../architecture.js';
import { architectureOf, type ModelConfig } from '../config.js';
import { bucketOf } from '../relative.js';
import type { Tokens } from '../types.js';

/** Parameters under their names, flat. */
export type Parameters64 = Readonly<Record<string, Float64Array>>;
type Vector = Float64Array;

/**
 * (T) rows of (V) log-probabilities of what follows each token. Of an encoder-decoder, `source` is what it encodes, and
 * `text` begins with the token that every response follows.
 */
export function referenceLogProbs(
  config: ModelConfig,
  weights: Parameters64,
  text: Tokens,
  source?: Tokens,
): Vector[] {
  const { width, embedding, positions, encoder, decoder, head } = architectureOf(config);
  const layers = new Layers(weights);
  const row = (name: string, i: number): Vector => layers.at(name).subarray(i * width, (i + 1) * width);
  const embedded = (tokens: Tokens): Vector[] =>
    Array.from(tokens, (token, t) => {
      const own = row(embedding.name, token);
      return positions ? sum(own, row(positions.name, t)) : own;
    });
  const encoded = encoder && source ? layers.run(encoder, embedded(source)) : [];
  return layers
    .run(decoder, embedded(text), encoded)
    .map((last) => logSoftmax(vector(config.vocab_size, (v) => head.scale * dot(last, row(head.name, v)))));
}

class Layers {
  readonly #weights: Parameters64;

  constructor(weights: Parameters64) {
    this.#weights = weights;
  }

  at(name: string): Vector {
    return this.#weights[name] ?? new Float64Array();
  }

  /** All blocks and the last norm; `encoded` is what a decoder attends to beside itself. */
  run({ blocks, norm, relative }: Stack, rows: readonly Vector[], encoded: readonly Vector[] = []): Vector[] {
    let all = [...rows];
    for (const { attention, cross, feedForward } of blocks) {
      const mixed = this.attended(attention, all, relative);
      all = all.map((x, t) => sum(x, this.affine(attention.out, mixed[t] ?? x)));
      if (cross) {
        const found = this.attendedSource(cross, all, encoded);
        all = all.map((x, t) => sum(x, this.affine(cross.out, found[t] ?? x)));
      }
      all = all.map((x) => sum(x, this.fed(feedForward, x)));
    }
    return all.map((x) => this.normalised(norm, x));
  }

  affine({ name, inputs, outputs, bias, turned }: Linear, x: Vector): Vector {
    const weight = this.at(`${name}.weight`);
    const shift = this.at(`${name}.bias`);
    const [step, jump] = turned ? [1, inputs] : [outputs, 1];
    return vector(outputs, (d) => {
      let total = bias ? (shift[d] ?? NaN) : 0;
      for (let c = 0; c < inputs; c++) total += (x[c] ?? NaN) * (weight[c * step + d * jump] ?? NaN);
      return total;
    });
  }

  normalised({ kind, name, epsilon }: Norm, x: Vector): Vector {
    const [gain, bias] = [this.at(`${name}.weight`), this.at(`${name}.bias`)];
    const mean = kind === 'layer' ? x.reduce((total, value) => total + value, 0) / x.length : 0;
    const variance = x.reduce((total, value) => total + (value - mean) ** 2, 0) / x.length;
    const scale = 1 / Math.sqrt(variance + epsilon);
    return x.map(
      (value, c) => (value - mean) * scale * (gain[c] ?? NaN) + (kind === 'layer' ? (bias[c] ?? NaN) : 0),
    );
  }

  fed({ norm, gate, up, down, activation }: FeedForward, x: Vector): Vector {
    const normal = this.normalised(norm, x);
    const upper = this.affine(up, normal);
    if (!gate)
      return this.affine(
        down,
        upper.map((value) => activated(value, activation)),
      );
    const open = this.affine(gate, normal);
    return this.affine(
      down,
      open.map((value, c) => activated(value, activation) * (upper[c] ?? NaN)),
    );
  }

  /** Of each row to itself and those before (two-sided: to all), heads side by side. */
  attended(attention: Attention, rows: readonly Vector[], relative?: RelativePositions): Vector[] {
    const { heads, keyHeads, headWidth: d } = attention;
    const all = rows.map((x, position) => {
      const normal = this.normalised(attention.norm, x);
      const joined = attention.project.flatMap((linear) => [...this.affine(linear, normal)]);
      return rotated(attention, Float64Array.from(joined), position);
    });
    const table = relative && this.at(relative.name);
    return all.map((qkv, t) => {
      const seen = relative?.twoSided ? all : all.slice(0, t + 1);
      const keys = seen.map((row) => ({ row, key: heads * d, value: (heads + keyHeads) * d }));
      const bias = (head: number, j: number): number =>
        relative && table ? (table[bucketOf(relative, j - t) * heads + head] ?? NaN) : 0;
      return mixed(attention, qkv, keys, bias);
    });
  }

  /** Of each row to all that was encoded. */
  attendedSource(cross: Attention, rows: readonly Vector[], encoded: readonly Vector[]): Vector[] {
    const [query, key, value] = cross.project;
    if (!query || !key || !value)
      throw new Error('internal error: an attention lacks a projection; please report it');
    const keys = encoded.map((x) => {
      const row = Float64Array.from([...this.affine(key, x), ...this.affine(value, x)]);
      return { row, key: 0, value: cross.keyHeads * cross.headWidth };
    });
    return rows.map((x) => mixed(cross, this.affine(query, this.normalised(cross.norm, x)), keys, () => 0));
  }
}

/** Keys and values of one place: a row, and where they begin in it. */
interface Seen {
  readonly row: Vector;
  readonly key: number;
  readonly value: number;
}

/** What a row of queries makes of what it sees, heads side by side. */
function mixed(
  { heads, keyHeads, headWidth: d, scale }: Attention,
  queries: Vector,
  seen: readonly Seen[],
  bias: (head: number, j: number) => number,
): Vector {
  const out = new Float64Array(heads * d);
  for (let head = 0; head < heads; head++) {
    const shift = Math.floor((head * keyHeads) / heads) * d;
    const query = part(queries, head * d, d);
    const scores = seen.map(
      ({ row, key }, j) => dot(query, part(row, key + shift, d)) * scale + bias(head, j),
    );
    const weights = logSoftmax(Float64Array.from(scores)).map(Math.exp);
    for (let c = 0; c < d; c++)
      out[head * d + c] = seen.reduce(
        (total, { row, value }, j) => total + (weights[j] ?? NaN) * (row[value + shift + c] ?? NaN),
        0,
      );
  }
  return out;
}

const part = (row: Vector, start: number, width: number): Vector => row.subarray(start, start + width);

/** Heads of queries and keys, turned by their position. */
function rotated({ rope, heads, keyHeads, headWidth: d }: Attention, row: Vector, position: number): Vector {
  if (!rope) return row;
  const half = d / 2;
  return row.map((value, i) => {
    if (i >= (heads + keyHeads) * d) return value;
    const angle = position * (rope.frequencies[(i % d) % half] ?? NaN);
    const other = i % d < half ? -(row[i + half] ?? NaN) : (row[i - half] ?? NaN);
    return value * Math.cos(angle) + other * Math.sin(angle);
  });
}

/** Mean cross-entropy of each text's tokens after its first. */
export function referenceLoss(config: ModelConfig, weights: Parameters64, texts: readonly Tokens[]): number {
  const losses = texts.flatMap((text) => {
    const rows = referenceLogProbs(config, weights, text.subarray(0, -1));
    return rows.map((row, t) => -(row[text[t + 1] ?? 0] ?? NaN));
  });
  return losses.reduce((total, loss) => total + loss, 0) / losses.length;
}

function vector(size: number, of: (i: number) => number): Vector {
  const values = new Float64Array(size);
  for (let i = 0; i < size; i++) values[i] = of(i);
  return values;
}

function dot(a: Vector, b: Vector): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += (a[i] ?? NaN) * (b[i] ?? NaN);
  return total;
}

function sum(a: Vector, b: Vector): Vector {
  return a.map((value, i) => value + (b[i] ?? NaN));
}

function activated(x: number, kind: Activation): number {
  switch (kind) {
    case 'gelu_new':
      return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
    case 'silu':
      return x / (1 + Math.exp(-x));
    case 'relu':
      return Math.max(0, x);
    case 'gelu':
      throw new Error('internal error: Float64 has no error function; please report it');
    default:
      return unreachable(kind);
  }
}

function logSoftmax(x: Vector): Vector {
  const top = Math.max(...x);
  const norm = top + Math.log(x.reduce((total, value) => total + Math.exp(value - top), 0));
  return x.map((value) => value - norm);
}
