/** GPT-2's decoder (Radford et al. 2019) once more in plain Float64, one token after the other: what engines are held against. */
import type { DecoderConfig, Tokens } from '../types.js';

/** Parameters under their names, flat. */
export type Parameters64 = Readonly<Record<string, Float64Array>>;
type Vector = Float64Array;

/** (T) rows of (V) log-probabilities of what follows each token. */
export function referenceLogProbs(config: DecoderConfig, weights: Parameters64, text: Tokens): Vector[] {
  const { n_embd: width } = config;
  const at = (name: string): Vector => weights[name] ?? new Float64Array();
  let rows = Array.from(text, (token, t) =>
    vector(
      width,
      (c) =>
        (at('transformer.wte.weight')[token * width + c] ?? NaN) +
        (at('transformer.wpe.weight')[t * width + c] ?? NaN),
    ),
  );
  for (let layer = 0; layer < config.n_layer; layer++) {
    const name = `transformer.h.${layer}`;
    const affine = (part: string, x: Vector): Vector =>
      times(x, at(`${name}.${part}.weight`), at(`${name}.${part}.bias`));
    const norm = (part: string, x: Vector): Vector =>
      normalised(x, at(`${name}.${part}.weight`), at(`${name}.${part}.bias`), config.layer_norm_epsilon);
    const qkv = rows.map((x) => affine('attn.c_attn', norm('ln_1', x)));
    const mixed = qkv.map((_, t) => attended(qkv.slice(0, t + 1), width, config.n_head));
    rows = rows.map((x, t) => sum(x, affine('attn.c_proj', mixed[t] ?? x)));
    rows = rows.map((x) => sum(x, affine('mlp.c_proj', affine('mlp.c_fc', norm('ln_2', x)).map(gelu))));
  }
  const table = at('transformer.wte.weight');
  return rows.map((x) => {
    const last = normalised(
      x,
      at('transformer.ln_f.weight'),
      at('transformer.ln_f.bias'),
      config.layer_norm_epsilon,
    );
    return logSoftmax(
      vector(config.vocab_size, (v) => dot(last, table.subarray(v * width, (v + 1) * width))),
    );
  });
}

/** Mean cross-entropy of each text's tokens after its first. */
export function referenceLoss(
  config: DecoderConfig,
  weights: Parameters64,
  texts: readonly Tokens[],
): number {
  const losses = texts.flatMap((text) => {
    const rows = referenceLogProbs(config, weights, text.subarray(0, -1));
    return rows.map((row, t) => -(row[text[t + 1] ?? 0] ?? NaN));
  });
  return losses.reduce((total, loss) => total + loss, 0) / losses.length;
}

function vector(size: number, of: (i: number) => number): Vector {
  return Float64Array.from({ length: size }, (_, i) => of(i));
}

function dot(a: Vector, b: Vector): number {
  return a.reduce((total, value, i) => total + value * (b[i] ?? NaN), 0);
}

function sum(a: Vector, b: Vector): Vector {
  return a.map((value, i) => value + (b[i] ?? NaN));
}

/** x (C) weight (C, D) + bias (D). */
function times(x: Vector, weight: Vector, bias: Vector): Vector {
  return bias.map((value, d) =>
    x.reduce((total, xc, c) => total + xc * (weight[c * bias.length + d] ?? NaN), value),
  );
}

function normalised(x: Vector, gain: Vector, bias: Vector, epsilon: number): Vector {
  const mean = x.reduce((total, value) => total + value, 0) / x.length;
  const variance = x.reduce((total, value) => total + (value - mean) ** 2, 0) / x.length;
  return x.map(
    (value, c) => ((value - mean) / Math.sqrt(variance + epsilon)) * (gain[c] ?? NaN) + (bias[c] ?? NaN),
  );
}

/** The last of the rows of queries, keys and values attends to all. */
function attended(qkv: readonly Vector[], width: number, heads: number): Vector {
  const d = width / heads;
  const out = new Float64Array(width);
  for (let head = 0; head < width; head += d) {
    const part = (row: Vector, which: number): Vector =>
      row.subarray(which * width + head, which * width + head + d);
    const query = part(qkv.at(-1) ?? out, 0);
    const weights = logSoftmax(Float64Array.from(qkv, (row) => dot(query, part(row, 1)) / Math.sqrt(d))).map(
      Math.exp,
    );
    for (let c = 0; c < d; c++) {
      out[head + c] = qkv.reduce(
        (total, row, j) => total + (weights[j] ?? NaN) * (part(row, 2)[c] ?? NaN),
        0,
      );
    }
  }
  return out;
}

/** The tanh form, `gelu_new`. */
function gelu(x: number): number {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

function logSoftmax(x: Vector): Vector {
  const top = Math.max(...x);
  const norm = top + Math.log(x.reduce((total, value) => total + Math.exp(value - top), 0));
  return x.map((value) => value - norm);
}
