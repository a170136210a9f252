/**
 * One token of each row through the whole decoder as a single kernel: seventeen small operations a layer cost
 * more to start than to run. Engines without our kernels take the same path through `decodeByOperations`.
 */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import { defineKernel, first, fused, input, type Inputs } from '../backend/fused.js';
import { matrixShape, type Address, type Memory } from '../backend/memory.js';
import { activate, activation } from '../backend/ops/activation.js';
import { logSoftmax, logSoftmaxRows } from '../backend/ops/distribution.js';
import { embed, embedRows } from '../backend/ops/embed.js';
import { layerNorm, normRows } from '../backend/ops/layer-norm.js';
import { affineRows, linear } from '../backend/ops/linear.js';
import { tf } from '../backend/tf.js';
import type { Cache } from './cache.js';
import type { DecoderConfig, NamedTensors } from './types.js';
import { parameter } from './weights.js';

export interface DecodeStep {
  readonly config: DecoderConfig;
  readonly masked: Int32Array;
  readonly cache: Cache;
  /** New nodes of the cache, their tokens and positions. */
  readonly nodes: Int32Array;
  readonly tokens: Int32Array;
  readonly positions: Int32Array;
}

/** (nodes, V) log-probabilities of what follows. `head` is the output layer, (C, V). */
export function decodeStep(weights: NamedTensors, head: Tensor2D, step: DecodeStep): Tensor2D {
  if (!fused()) return tf.tidy(() => decodeByOperations(weights, head, step));
  return first(kernel({ ...(weights as Record<string, Tensor>), head }, step)) as Tensor2D;
}

function decodeByOperations(
  weights: NamedTensors,
  head: Tensor2D,
  { config, masked, cache, nodes, tokens, positions }: DecodeStep,
): Tensor2D {
  const affine = (name: string, x: Tensor2D): Tensor2D =>
    linear(x, parameter(weights, `${name}.weight`), parameter(weights, `${name}.bias`));
  const norm = (name: string, x: Tensor2D): Tensor2D =>
    layerNorm(
      x,
      parameter(weights, `${name}.weight`),
      parameter(weights, `${name}.bias`),
      config.layer_norm_epsilon,
    );
  let x = embed(
    parameter(weights, 'transformer.wte.weight'),
    parameter(weights, 'transformer.wpe.weight'),
    tokens,
    positions,
  ); // (L, C)
  for (let layer = 0; layer < config.n_layer; layer++) {
    const name = `transformer.h.${layer}`;
    const qkv = affine(`${name}.attn.c_attn`, norm(`${name}.ln_1`, x)).dataSync<'float32'>(); // (L, 3C)
    const mixed = new Float32Array(nodes.length * config.n_embd);
    cache.attend(layer, nodes, qkv, 0, mixed, 0);
    x = x.add(affine(`${name}.attn.c_proj`, tf.tensor2d(mixed, [nodes.length, config.n_embd])));
    x = x.add(
      affine(
        `${name}.mlp.c_proj`,
        activation(affine(`${name}.mlp.c_fc`, norm(`${name}.ln_2`, x)), config.activation_function),
      ),
    );
  }
  return logSoftmax(tf.matMul(norm('transformer.ln_f', x), head), masked);
}

const kernel = defineKernel<DecodeStep>('decode-step', (memory, inputs, step) => {
  const { config, nodes, masked } = step;
  const rows = nodes.length;
  const width = config.n_embd;
  const head = input(inputs, 'head');
  const [, columns] = matrixShape(head);
  const out = memory.output([rows, columns]);
  const space = {
    x: memory.scratch(rows * width),
    normal: memory.scratch(rows * width),
    wide: memory.scratch(rows * Math.max(3 * width, config.n_inner ?? 4 * width)),
  };
  const at = { memory, inputs, step, space, rows, width };
  const [table, places] = ['transformer.wte.weight', 'transformer.wpe.weight'].map((name) =>
    memory.input(input(inputs, name)),
  );
  embedRows(memory.heap(), {
    table: table ?? 0,
    places: places ?? 0,
    to: space.x,
    width,
    tokens: step.tokens,
    positions: step.positions,
  });
  for (let layer = 0; layer < config.n_layer; layer++) block(at, layer);
  norm(at, 'transformer.ln_f');
  memory.multiply({
    m: rows,
    k: width,
    n: columns,
    a: space.normal,
    b: memory.input(head),
    out: out.address,
    weight: head,
  });
  logSoftmaxRows(memory.heap(), { at: out.address, rows, columns, masked });
  return out.info;
});

interface Running {
  readonly memory: Memory;
  readonly inputs: Inputs;
  readonly step: DecodeStep;
  /** The residual stream, its normalised copy, and room for the widest layer. */
  readonly space: Readonly<Record<'x' | 'normal' | 'wide', Address>>;
  readonly rows: number;
  readonly width: number;
}

function block(at: Running, layer: number): void {
  const { memory, step, space, rows, width } = at;
  const name = `transformer.h.${layer}`;
  norm(at, `${name}.ln_1`);
  affine(at, `${name}.attn.c_attn`, space.normal, space.wide);
  step.cache.attend(layer, step.nodes, memory.heap(), space.wide, memory.heap(), space.normal);
  affine(at, `${name}.attn.c_proj`, space.normal, space.wide);
  addRows(memory.heap(), space.x, space.wide, rows * width);
  norm(at, `${name}.ln_2`);
  affine(at, `${name}.mlp.c_fc`, space.normal, space.wide);
  const [, inner] = matrixShape(input(at.inputs, `${name}.mlp.c_fc.weight`));
  activate(memory.heap(), step.config.activation_function, {
    x: space.wide,
    y: space.wide,
    size: rows * inner,
  });
  affine(at, `${name}.mlp.c_proj`, space.wide, space.normal);
  addRows(memory.heap(), space.x, space.normal, rows * width);
}

function norm({ memory, inputs, step, space, rows, width }: Running, name: string): void {
  normRows(memory.heap(), {
    rows,
    columns: width,
    epsilon: step.config.layer_norm_epsilon,
    x: space.x,
    gain: memory.input(input(inputs, `${name}.weight`)),
    bias: memory.input(input(inputs, `${name}.bias`)),
    y: space.normal,
  });
}

function affine({ memory, inputs, rows }: Running, name: string, x: Address, y: Address): void {
  affineRows(memory, {
    rows,
    x,
    weight: input(inputs, `${name}.weight`),
    bias: input(inputs, `${name}.bias`),
    y,
  });
}

function addRows(heap: Float32Array, to: Address, from: Address, size: number): void {
  for (let i = 0; i < size; i++) heap[to + i] = (heap[to + i] ?? 0) + (heap[from + i] ?? 0);
}
