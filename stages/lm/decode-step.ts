/**
 * One token of each row through the whole decoder as a single kernel: seventeen small operations a layer cost
 * more to start than to run. Engines without our kernels take the same path through `decodeByOperations`.
 */
import type { Tensor2D } from '@tensorflow/tfjs';
import { defineKernel, first, fusedInMemory, input, type Inputs } from '../backend/fused.js';
import { matrixShape, type Address, type Memory } from '../backend/memory.js';
import { activate } from '../backend/ops/activation.js';
import { logSoftmax, logSoftmaxRows } from '../backend/ops/distribution.js';
import { embed, embedRows } from '../backend/ops/embed.js';
import { gate } from '../backend/ops/gated.js';
import { normRows } from '../backend/ops/layer-norm.js';
import { affineRows } from '../backend/ops/linear.js';
import { addLowRankRows } from '../backend/ops/low-rank.js';
import { rmsRows } from '../backend/ops/rms-norm.js';
import { rotateRows } from '../backend/ops/rotary.js';
import { gatherRows } from '../backend/ops/rows.js';
import { tf } from '../backend/tf.js';
import type { Attention, Block, FeedForward, Linear, Norm, Stack } from './architecture.js';
import type { Cache, Rows } from './cache.js';
import { architectureOf, type ModelConfig } from './config.js';
import { affine, fedForward, normalise, projected } from './layers.js';
import type { Attending, HeapCache } from './heap-cache.js';
import { factorsOf, largestRank } from './row-adapters.js';
import type { TensorCache } from './tensor-cache.js';
import { HEAD, type StepWeights } from './step-weights.js';
import { parameter } from './weights.js';

export interface DecodeStep {
  readonly config: ModelConfig;
  readonly masked: Int32Array;
  readonly cache: Cache;
  /** Keys and values of all that came before, where they are tensors. */
  readonly tensors?: TensorCache | undefined;
  /** The same where they lie in the engine's heap. */
  readonly heap?: HeapCache | undefined;
  /** Keys and values of the encoded prompts. */
  readonly source?: Cache | undefined;
  /** New nodes of the cache, their tokens, positions and prompts. */
  readonly nodes: Int32Array;
  readonly tokens: Int32Array;
  readonly positions: Int32Array;
  readonly prompts: Int32Array;
  /** The mixture of each node, where rows have adapters of their own. */
  readonly mixtures?: Int32Array | undefined;
  /** Hidden states are wanted, and the output layer is left out. */
  readonly hidden?: boolean | undefined;
}

/** (nodes, V) log-probabilities of what follows, or (nodes, C) hidden states. */
export function decodeStep(weights: StepWeights, step: DecodeStep): Tensor2D {
  if (!fusedInMemory()) return tf.tidy(() => decodeByOperations(weights, step));
  const kept = step.heap?.begin(step.nodes);
  return first(kernel({ ...weights.tensors, ...kept }, { ...step, decoder: weights.decoder })) as Tensor2D;
}

function decodeByOperations({ decoder, tensors }: StepWeights, step: DecodeStep): Tensor2D {
  step.tensors?.begin(step.nodes);
  const { mixtures } = step;
  const layers = { weights: tensors, adapters: mixtures && { tensors, of: mixtures } };
  const { embedding, positions } = architectureOf(step.config);
  const table = parameter<Tensor2D>(tensors, embedding.name);
  let x = positions
    ? embed(table, parameter<Tensor2D>(tensors, positions.name), step.tokens, step.positions)
    : gatherRows(table, step.tokens); // (L, C)
  decoder.blocks.forEach(({ attention, cross, feedForward }, layer) => {
    const qkv = projected(layers, attention, normalise(tensors, attention.norm, x), step.positions);
    x = x.add(
      affine(
        layers,
        attention.out,
        step.tensors
          ? step.tensors.attend(layer, attention, qkv)
          : mixOf(attention, qkv, (from, to) => step.cache.attend(layer, step.nodes, from, to)),
      ),
    );
    if (cross) {
      const query = projected(layers, cross, normalise(tensors, cross.norm, x), step.positions);
      const mixed = mixOf(cross, query, (from, to) =>
        step.source?.attendPrompts(layer, step.prompts, from, to),
      );
      x = x.add(affine(layers, cross.out, mixed));
    }
    x = x.add(fedForward(layers, feedForward, normalise(tensors, feedForward.norm, x), (inner) => inner));
  });
  const hidden = normalise(tensors, decoder.norm, x);
  if (step.hidden) return hidden;
  return logSoftmax(tf.matMul(hidden, parameter<Tensor2D>(tensors, HEAD)), step.masked);
}

type Attend = (from: Rows, to: Rows) => void;

/** Attends outside of the engine: the rows' way there and back. */
function mixOf({ heads, headWidth }: Attention, from: Tensor2D, attend: Attend): Tensor2D {
  const [rows, stride] = from.shape;
  const width = heads * headWidth;
  const mixed = new Float32Array(rows * width);
  attend({ values: from.dataSync<'float32'>(), at: 0, stride }, { values: mixed, at: 0, stride: width });
  return tf.tensor2d(mixed, [rows, width]);
}

interface KernelStep extends DecodeStep {
  readonly decoder: Stack;
}

const kernel = defineKernel<KernelStep>('decode-step', (memory, inputs, step) => {
  const { embedding, positions, width } = architectureOf(step.config);
  const { decoder, masked } = step;
  const rows = step.nodes.length;
  const head = input(inputs, HEAD);
  const columns = step.hidden ? width : matrixShape(head)[1];
  const out = memory.output([rows, columns]);
  const widest = widestOf(decoder, width);
  const space = {
    x: memory.scratch(rows * width),
    normal: memory.scratch(rows * widest.mixed),
    wide: memory.scratch(rows * widest.wide),
    gate: memory.scratch(rows * widest.gate),
    between: memory.scratch(step.mixtures ? rows * largestRank(inputs) : 0),
    added: memory.scratch(step.mixtures ? rows * widest.wide : 0),
  };
  const kept = step.heap?.attending(memory, inputs, step.nodes);
  const at = { memory, inputs, step, space, rows, width, kept };
  embedRows(memory.heap(), {
    table: memory.input(input(inputs, embedding.name)),
    places: positions && memory.input(input(inputs, positions.name)),
    to: space.x,
    width,
    tokens: step.tokens,
    positions: step.positions,
  });
  decoder.blocks.forEach((block, layer) => runBlock(at, block, layer));
  norm(at, decoder.norm);
  if (step.hidden) {
    memory.heap().copyWithin(out.address, space.normal, space.normal + rows * width);
    return out.info;
  }
  const [a, b] = [space.normal, memory.input(head)];
  memory.multiply({ m: rows, k: width, n: columns, a, b, out: out.address, weight: head });
  logSoftmaxRows(memory, { at: out.address, rows, columns, masked });
  return out.info;
});

/** Floats a row that the widest layers need. */
function widestOf({ blocks }: Stack, width: number): Readonly<Record<'mixed' | 'wide' | 'gate', number>> {
  const attentions = blocks.flatMap(({ attention, cross }) => (cross ? [attention, cross] : [attention]));
  const projections = attentions.flatMap(({ project }) => project.map(({ outputs }) => outputs));
  const inner = blocks.map(({ feedForward }) => feedForward.up.outputs);
  return {
    mixed: Math.max(width, ...attentions.map(({ heads, headWidth }) => heads * headWidth)),
    wide: Math.max(width, ...projections, ...inner),
    gate: Math.max(0, ...blocks.map(({ feedForward }) => feedForward.gate?.outputs ?? 0)),
  };
}

interface Running {
  readonly memory: Memory;
  readonly inputs: Inputs;
  readonly step: KernelStep;
  /**
   * The residual stream, its normalised copy, room for the widest layer and its gate, and for what rows add by
   * themselves.
   */
  readonly space: Readonly<Record<'x' | 'normal' | 'wide' | 'gate' | 'between' | 'added', Address>>;
  readonly rows: number;
  readonly width: number;
  readonly kept: Attending | undefined;
}

function runBlock(at: Running, { attention, cross, feedForward }: Block, layer: number): void {
  const { step, kept } = at;
  attend(at, attention, (from, to) =>
    kept ? kept.attend(layer, attention, from, to) : step.cache.attend(layer, step.nodes, from, to),
  );
  if (cross) attend(at, cross, (from, to) => step.source?.attendPrompts(layer, step.prompts, from, to));
  feed(at, feedForward);
}

function attend(at: Running, attention: Attention, look: Attend): void {
  const { memory, space, rows, width, step } = at;
  const { heads, keyHeads, headWidth, rope, out } = attention;
  const [project] = attention.project;
  if (!project) return;
  norm(at, attention.norm);
  product(at, project, space.normal, space.wide);
  const columns = project.outputs;
  if (rope) {
    const rotation = { frequencies: rope.frequencies, heads: heads + keyHeads, positions: step.positions };
    rotateRows(memory.heap(), rotation, { at: space.wide, columns, back: false });
  }
  const values = memory.heap();
  look({ values, at: space.wide, stride: columns }, { values, at: space.normal, stride: heads * headWidth });
  product(at, out, space.normal, space.wide);
  addRows(memory.heap(), space.x, space.wide, rows * width);
}

function feed(at: Running, layer: FeedForward): void {
  const { memory, space, rows, width } = at;
  const { up, down, activation } = layer;
  norm(at, layer.norm);
  product(at, up, space.normal, space.wide);
  if (layer.gate) product(at, layer.gate, space.normal, space.gate);
  const size = rows * up.outputs;
  if (layer.gate) gate(memory, activation, { gate: space.gate, up: space.wide, y: space.gate, size });
  else activate(memory, activation, { x: space.wide, y: space.wide, size });
  product(at, down, layer.gate ? space.gate : space.wide, space.normal);
  addRows(memory.heap(), space.x, space.normal, rows * width);
}

/** The normalised copy of the residual stream. */
function norm({ memory, inputs, space, rows, width }: Running, { kind, name, epsilon }: Norm): void {
  const gain = memory.input(input(inputs, `${name}.weight`));
  const places = { rows, columns: width, epsilon, x: space.x, gain, y: space.normal };
  if (kind === 'rms') rmsRows(memory.heap(), places);
  else normRows(memory, { ...places, bias: memory.input(input(inputs, `${name}.bias`)) });
}

function product(at: Running, { name, bias }: Linear, x: Address, y: Address): void {
  const { memory, inputs, rows, step, space } = at;
  const weight = input(inputs, `${name}.weight`);
  affineRows(memory, { rows, x, weight, bias: bias ? input(inputs, `${name}.bias`) : undefined, y });
  const factors = step.mixtures && factorsOf(inputs, name);
  if (factors) addLowRankRows(memory, { ...space, of: step.mixtures, x, factors, y });
}

function addRows(heap: Float32Array, to: Address, from: Address, size: number): void {
  for (let i = 0; i < size; i++) heap[to + i] = (heap[to + i] ?? 0) + (heap[from + i] ?? 0);
}
