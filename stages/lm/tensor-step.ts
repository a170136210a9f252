/** One token of each row through the whole decoder as one operation of TensorFlow's. */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import { decode, type DecodeBlock } from '../backend/ops/decode.js';
import { turnsAt } from '../backend/ops/rotary.js';
import type { Block, Linear, Norm, Stack } from './architecture.js';
import { architectureOf } from './config.js';
import type { DecodeStep } from './decode-step.js';
import type { StepCache } from './step-cache.js';
import { HEAD, type StepWeights } from './step-weights.js';
import { parameter } from './weights.js';

/** Whether the operation knows the decoder: alone, and all of its blocks turn positions alike, or none does. */
export function decodesByTensors({ blocks, relative }: Stack): boolean {
  return (
    relative === undefined &&
    blocks.every(({ cross }) => cross === undefined) &&
    new Set(blocks.map(({ attention }) => attention.rope?.frequencies)).size === 1
  );
}

/** (nodes, V) log-probabilities of what follows, or (nodes, C) hidden states. */
export function decodeByTensors(
  { decoder, tensors }: StepWeights,
  step: DecodeStep,
  cache: StepCache,
): Tensor2D {
  const { embedding, positions, width } = architectureOf(step.config);
  const frequencies = decoder.blocks[0]?.attention.rope?.frequencies ?? [];
  const { hidden = false } = step;
  const names = [
    ...[embedding, ...(positions ? [positions] : [])].map(({ name }) => name),
    ...decoder.blocks.flatMap(({ attention, feedForward: { norm, gate, up, down } }) => [
      ...[...normNames(attention.norm), ...attention.project.flatMap(linearNames)],
      ...[...linearNames(attention.out), ...normNames(norm)],
      ...(gate ? [gate, up, down] : [up, down]).flatMap(linearNames),
    ]),
    ...normNames(decoder.norm),
    ...(hidden ? [] : [HEAD]),
  ];
  const inputs: Tensor[] = names.map((name) => parameter(tensors, name));
  const [found, kept] = decode([...inputs, ...cache.openings, ...cache.steps], {
    width,
    blocks: decoder.blocks.map(described),
    epsilon: decoder.norm.epsilon,
    has: { places: positions !== undefined, states: hidden, lastBias: decoder.norm.kind === 'layer' },
    tokens: step.tokens,
    positions: step.positions,
    half: frequencies.length,
    turns: turnsAt(frequencies, step.positions),
    ...cache.begin(step.nodes),
    steps: cache.steps.length,
    masked: hidden ? new Int32Array() : step.masked,
  });
  cache.keep(kept);
  return found;
}

function normNames({ kind, name }: Norm): string[] {
  return kind === 'layer' ? [`${name}.weight`, `${name}.bias`] : [`${name}.weight`];
}

function linearNames({ name, bias }: Linear): string[] {
  return bias ? [`${name}.weight`, `${name}.bias`] : [`${name}.weight`];
}

function described({ attention, feedForward }: Block): DecodeBlock {
  const { heads, keyHeads, scale, norm, project, out } = attention;
  const { norm: inner, gate, up, down, activation } = feedForward;
  return {
    ...{ heads, keyHeads, scale, activation },
    epsilons: [norm.epsilon, inner.epsilon],
    has: {
      normBias: norm.kind === 'layer',
      projectBias: project[0]?.bias ?? false,
      outBias: out.bias,
      innerNormBias: inner.kind === 'layer',
      gate: gate !== undefined,
      gateBias: gate?.bias ?? false,
      upBias: up.bias,
      downBias: down.bias,
    },
  };
}
