/**
 * What a language model is made of, as data: one decoder (and one encoder) runs them all. A family (`families/`) makes
 * this of its config.json; everything else asks for nothing of a family.
 */
import type { Activation } from '../backend/ops/activation.js';

/** `layer`: to mean 0 and variance 1, gain and bias; `rms`: to a mean square of 1, gain alone. */
export interface Norm {
  readonly kind: 'layer' | 'rms';
  readonly name: string;
  readonly epsilon: number;
  readonly width: number;
}

export interface Linear {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly bias: boolean;
  /** The weight lies as (outputs, inputs), as PyTorch's Linear keeps it; else as (inputs, outputs). */
  readonly turned: boolean;
  /** Standard deviation of fresh weights. */
  readonly deviation: number;
}

/** Rotary positions (Su et al. 2021): channel pairs j and j + half of a head turn by frequency j times the position. */
export interface Rope {
  readonly frequencies: readonly number[];
}

export interface Attention {
  readonly norm: Norm;
  /** Queries, keys and values: one product for all three, or one each. */
  readonly project: readonly Linear[];
  readonly out: Linear;
  readonly heads: number;
  /** Heads of keys and values, each shared by heads / keyHeads of the queries. */
  readonly keyHeads: number;
  readonly headWidth: number;
  /** What scores are multiplied by before the softmax. */
  readonly scale: number;
  readonly rope?: Rope;
}

/** down(activation(up x)), or with a gate down(activation(gate x) * up x). */
export interface FeedForward {
  readonly norm: Norm;
  readonly gate?: Linear;
  readonly up: Linear;
  readonly down: Linear;
  readonly activation: Activation;
}

export interface Block {
  readonly attention: Attention;
  /** To the encoder's outputs. */
  readonly cross?: Attention;
  readonly feedForward: FeedForward;
}

/** A learnt bias of scores by distance, in buckets that widen (Raffel et al. 2020, section 2.1), the same in every block. */
export interface RelativePositions {
  readonly name: string;
  readonly buckets: number;
  /** Beyond this distance all are in the last bucket. */
  readonly furthest: number;
  readonly heads: number;
  /** Before and behind are told apart. */
  readonly twoSided: boolean;
  readonly deviation: number;
}

export interface Stack {
  readonly blocks: readonly Block[];
  /** After the last block. */
  readonly norm: Norm;
  readonly relative?: RelativePositions;
}

export interface Table {
  readonly name: string;
  readonly rows: number;
  readonly deviation: number;
}

export interface Architecture {
  readonly width: number;
  /** Most positions; Infinity where they are relative. */
  readonly context: number;
  readonly embedding: Table;
  /** Learnt absolute positions, added to the embedding. */
  readonly positions?: Table;
  readonly encoder?: Stack;
  readonly decoder: Stack;
  /** The output layer, (vocabulary, width): the embedding itself where tied. Hidden states are multiplied by `scale`. */
  readonly head: { readonly name: string; readonly tied: boolean; readonly scale: number };
  /** Rates of dropout, by what is dropped. */
  readonly dropout: Readonly<Record<'embedding' | 'attention' | 'residual' | 'inner' | 'last', number>>;
  /** Of an encoder-decoder: the token that every response follows. */
  readonly start?: number;
}

/** A parameter, and what fresh ones are: a constant, or normal with a deviation. */
export interface ParameterSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly fresh: 0 | 1 | { readonly deviation: number };
}

/** Every parameter once, in the order of the forward pass. */
export function parameterSpecs(architecture: Architecture): readonly ParameterSpec[] {
  const { width, embedding, positions, encoder, decoder, head } = architecture;
  const table = ({ name, rows, deviation }: Table): ParameterSpec => ({
    name,
    shape: [rows, width],
    fresh: { deviation },
  });
  return [
    table(embedding),
    ...(positions ? [table(positions)] : []),
    ...(encoder ? stackSpecs(encoder) : []),
    ...stackSpecs(decoder),
    ...(head.tied ? [] : [table({ ...embedding, name: head.name })]),
  ];
}

function stackSpecs({ blocks, norm, relative }: Stack): ParameterSpec[] {
  const specs = blocks.flatMap(({ attention, cross, feedForward }) => [
    ...attentionSpecs(attention),
    ...(cross ? attentionSpecs(cross) : []),
    ...normSpecs(feedForward.norm),
    ...[feedForward.gate, feedForward.up, feedForward.down].flatMap((linear) =>
      linear ? linearSpecs(linear) : [],
    ),
  ]);
  return [...(relative ? [relativeSpec(relative)] : []), ...specs, ...normSpecs(norm)];
}

function attentionSpecs({ norm, project, out }: Attention): ParameterSpec[] {
  return [...normSpecs(norm), ...[...project, out].flatMap(linearSpecs)];
}

function normSpecs({ kind, name, width }: Norm): ParameterSpec[] {
  const gain: ParameterSpec = { name: `${name}.weight`, shape: [width], fresh: 1 };
  return kind === 'rms' ? [gain] : [gain, { name: `${name}.bias`, shape: [width], fresh: 0 }];
}

function linearSpecs({ name, inputs, outputs, bias, turned, deviation }: Linear): ParameterSpec[] {
  const shape = turned ? [outputs, inputs] : [inputs, outputs];
  const weight: ParameterSpec = { name: `${name}.weight`, shape, fresh: { deviation } };
  return bias ? [weight, { name: `${name}.bias`, shape: [outputs], fresh: 0 }] : [weight];
}

function relativeSpec({ name, buckets, heads, deviation }: RelativePositions): ParameterSpec {
  return { name, shape: [buckets, heads], fresh: { deviation } };
}
