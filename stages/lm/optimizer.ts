/** AdamW as pure functions `init` and `update`: state in, state out. */
import type { Tensor } from '@tensorflow/tfjs';
import { adamUpdates, type AdamRates } from '../backend/ops/combine.js';
import { tf } from '../backend/tf.js';
import type { Schedule } from './schedule.js';
import type { NamedTensors } from './types.js';
import { disposeTensors, mapTensors, parameter } from './weights.js';

export interface OptimizerState {
  /** Updates done. */
  readonly step: number;
  /** Running means of the gradients and of their squares. */
  readonly first: NamedTensors;
  readonly second: NamedTensors;
}

export interface Updated {
  readonly parameters: NamedTensors;
  readonly state: OptimizerState;
}

export interface Optimizer {
  init(parameters: NamedTensors): OptimizerState;
  /** New parameters and state; nothing given is disposed. Parameters without a gradient stay as they are (cloned). */
  update(gradients: NamedTensors, state: OptimizerState, parameters: NamedTensors): Updated;
}

export interface AdamOptions {
  readonly rate: Schedule;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  /** Decoupled; never on biases and layer norms. */
  readonly weightDecay?: number;
}

/**
 * Adam with bias correction and decoupled weight decay (Loshchilov and Hutter 2019):
 * `p <- p (1 - rate decay) - rate m^ / (sqrt(v^) + epsilon)`.
 */
export function adamw(options: AdamOptions): Optimizer {
  const { rate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0 } = options;
  return {
    init: (parameters) => ({
      step: 0,
      first: mapTensors(parameters, (tensor) => tf.zerosLike(tensor)),
      second: mapTensors(parameters, (tensor) => tf.zerosLike(tensor)),
    }),
    update: (gradients, state, parameters) => {
      const step = state.step + 1;
      return updateAll(gradients, state, parameters, (name, tensor) => ({
        rate: rate(state.step),
        beta1,
        beta2,
        epsilon,
        weightDecay: decays(name, tensor) ? weightDecay : 0,
        step,
      }));
    },
  };
}

function decays(name: string, tensor: Tensor): boolean {
  return tensor.rank > 1 && !name.endsWith('.bias');
}

function updateAll(
  gradients: NamedTensors,
  state: OptimizerState,
  parameters: NamedTensors,
  rates: (name: string, tensor: Tensor) => AdamRates,
): Updated {
  const names = Object.keys(parameters);
  const moving = names.filter((name) => gradients[name]);
  const updates = adamUpdates(
    moving.map((name) => ({
      tensors: {
        parameter: parameter(parameters, name),
        gradient: parameter(gradients, name),
        first: parameter(state.first, name),
        second: parameter(state.second, name),
      },
      rates: rates(name, parameter(parameters, name)),
    })),
  );
  const moved = new Map(moving.map((name, i) => [name, updates[i]]));
  const next: Record<string, Tensor> = {};
  const first: Record<string, Tensor> = {};
  const second: Record<string, Tensor> = {};
  for (const name of names) {
    const updated = moved.get(name);
    next[name] = updated?.parameter ?? parameter(parameters, name).clone();
    first[name] = updated?.first ?? parameter(state.first, name).clone();
    second[name] = updated?.second ?? parameter(state.second, name).clone();
  }
  return { parameters: next, state: { step: state.step + 1, first, second } };
}

export function disposeState(state: OptimizerState): void {
  disposeTensors(state.first);
  disposeTensors(state.second);
}

/** As a number and one flat map, for a checkpoint; the tensors are the state's own. */
export function exportState(state: OptimizerState): {
  readonly step: number;
  readonly tensors: NamedTensors;
} {
  const named = (kind: string, tensors: NamedTensors): [string, Tensor][] =>
    Object.entries(tensors).map(([name, tensor]) => [`${kind}.${name}`, tensor]);
  return {
    step: state.step,
    tensors: Object.fromEntries([...named('first', state.first), ...named('second', state.second)]),
  };
}

/** The state that was exported; it takes the tensors over. */
export function importState({
  step,
  tensors,
}: {
  readonly step: number;
  readonly tensors: NamedTensors;
}): OptimizerState {
  const of = (kind: string): NamedTensors =>
    Object.fromEntries(
      Object.entries(tensors)
        .filter(([name]) => name.startsWith(`${kind}.`))
        .map(([name, tensor]) => [name.slice(kind.length + 1), tensor]),
    );
  return { step, first: of('first'), second: of('second') };
}
