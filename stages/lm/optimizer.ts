/** AdamW as pure functions `init` and `update`: state in, state out. */
import type { Tensor } from '@tensorflow/tfjs';
import { adamUpdates, type AdamTensors } from '../backend/ops/combine.js';
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

/** A tensor times a number; the product is made where it is used, and lies nowhere. */
export interface Scaled {
  readonly tensor: Tensor;
  readonly factor: number;
}

export interface Optimizer {
  init(parameters: NamedTensors): OptimizerState;
  /** New parameters and state; nothing given is disposed. Parameters without a gradient stay as they are (cloned). */
  update(
    gradients: Readonly<Record<string, Tensor | Scaled>>,
    state: OptimizerState,
    parameters: NamedTensors,
  ): Updated;
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
      const moving = Object.keys(parameters).flatMap((name) => {
        const gradient = gradients[name];
        return gradient ? [{ name, ...scaled(gradient), ...tensorsOf(name, state, parameters) }] : [];
      });
      const updates = adamUpdates(
        moving.map(({ name, tensor, ...one }) => ({
          ...{ ...one, gradient: tensor },
          weightDecay: decays(name, one.parameter) ? weightDecay : 0,
        })),
        { rate: rate(state.step), beta1, beta2, epsilon, step },
      );
      const moved = new Map(moving.map(({ name }, i) => [name, updates[i]]));
      const next: Record<string, Tensor> = {};
      const first: Record<string, Tensor> = {};
      const second: Record<string, Tensor> = {};
      for (const name of Object.keys(parameters)) {
        const updated = moved.get(name) ?? still(tensorsOf(name, state, parameters));
        next[name] = updated.parameter;
        first[name] = updated.first;
        second[name] = updated.second;
      }
      return { parameters: next, state: { step, first, second } };
    },
  };
}

function scaled(gradient: Tensor | Scaled): Scaled {
  return 'factor' in gradient ? gradient : { tensor: gradient, factor: 1 };
}

function decays(name: string, tensor: Tensor): boolean {
  return tensor.rank > 1 && !name.endsWith('.bias');
}

function tensorsOf(name: string, { first, second }: OptimizerState, parameters: NamedTensors): AdamTensors {
  return {
    parameter: parameter(parameters, name),
    first: parameter(first, name),
    second: parameter(second, name),
  };
}

function still({ parameter, first, second }: AdamTensors): AdamTensors {
  return { parameter: parameter.clone(), first: first.clone(), second: second.clone() };
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
