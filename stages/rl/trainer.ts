/**
 * Conditional Language Policy, trained: max_theta E_{(alpha,w) ~ Q} V_{alpha,w}(pi_theta(. ; alpha, w)) with
 *   V_{alpha,w}(pi) = E_x [ (1-alpha) E_{y ~ pi} sum_i w_i R_i(x,y) - alpha KL(pi(.|x) || pi_ref(.|x)) ].
 * An expert (SOFT) is the case of one trade-off and nothing conditioned.
 * Source: Wang et al., "Conditional Language Policy", EMNLP Findings 2024.
 */
import { setImmediate } from 'node:timers/promises';
import {
  adamw,
  disposeState,
  disposeTensors,
  schedule,
  type Optimizer,
  type OptimizerState,
} from '../lm/index.js';
import {
  distribute,
  flatten,
  materialize,
  unflatten,
  type ConditionedParameters,
  type Distributed,
} from '../policy/merge.js';
import { mixtureAt } from '../policy/parameter-policy.js';
import { conditionedParameters, type StoredPolicy } from '../policy/stored-policy.js';
import type { TradeOff } from '../policy/types.js';
import { Random } from '../random.js';
import { runEpisode, type Episode, type EpisodeSetting } from './episode.js';
import { figuresOf, refuseDivergence, sum, type Figures } from './figures.js';
import type { TrainingOptions } from './options.js';
import { drawInEpochs } from './epochs.js';
import type { Prompt } from './prompts.js';
import { trainingAlpha } from './trade-offs.js';

export interface Training
  extends Omit<TrainingOptions, 'log_every' | 'max_tokens' | 'decoding'>, Omit<EpisodeSetting, 'policy'> {
  readonly seed: number;
  readonly prompts: readonly Prompt[];
  /** Trade-offs a step, and Q, which they are drawn from. */
  readonly tradeOffs: number;
  readonly draw: (random: Random) => TradeOff;
}

/** All that a step changes; with the training's seed it decides the rest of the run. */
export interface Progress {
  /** Updates done, and tokens that ran through the policy in their gradients. */
  readonly step: number;
  readonly tokens: number;
  readonly policy: StoredPolicy;
  readonly optimizer: OptimizerState;
}

export interface Step extends Progress {
  readonly figures: Figures;
  readonly episodes: readonly Episode[];
}

/** Before the first update. */
export function begin(policy: StoredPolicy): Progress {
  const optimizer = adamw({ rate: () => 0 }).init(flatten(conditionedParameters(policy)));
  return { step: 0, tokens: 0, policy, optimizer };
}

/**
 * Trains to the last step. Each step takes over the tensors of the one before, so only those of the last one yielded
 * (of `from`, where none was) are alive: the caller disposes them. Lets other events through between steps.
 */
export async function* train(training: Training, from: Progress): AsyncGenerator<Step, void> {
  const rate = schedule({ ...training, kind: training.schedule, rate: training.learning_rate });
  const optimizer = adamw({ rate });
  let progress = from;
  while (progress.step < training.steps) {
    const { policy, step } = progress;
    const parameters = conditionedParameters(policy);

    // For each trade-off: merge, sample responses, and the gradient of V with respect to the merged parameters.
    const episodes = tradeOffsAt(training, step).map((asked, g) => {
      const mixture = mixtureAt(policy, asked);
      const merged = materialize(parameters, mixture); // theta_S = s theta_S^ref + (1-s) sum_i w_i theta_S^(i)
      const episode = runEpisode(
        { ...training, policy },
        {
          weights: merged.weights,
          trained: merged.trained,
          asked,
          tradeOff: annealed(training, asked, step),
          prompts: promptsOf(training, step, g),
          stream: { seed: training.seed, name: `rl/responses/${step}/${g}` },
        },
      );
      merged.dispose();
      return { ...episode, mixture };
    });

    // Back through the merges: copy i gets (1-s) w_i times each merged gradient. Then one update of all copies.
    const distributed = distribute(episodes, parameters);
    const updated = update(optimizer, { distributed, progress, parameters });
    episodes.forEach((episode) => disposeTensors(episode.gradients));

    const tokens = progress.tokens + sum(episodes.map((episode) => episode.figures.tokens));
    progress = { step: step + 1, tokens, ...updated };
    const figures = { ...figuresOf(episodes, policy.manifest.objectives), learning_rate: rate(step) };
    refuseDivergence(figures, step);
    yield { ...progress, figures, episodes };
    await setImmediate();
  }
}

/** The trade-offs of a step: a stream of its own, so that a resumed run draws what an uninterrupted one does. */
function tradeOffsAt({ seed, tradeOffs, draw }: Training, step: number): readonly TradeOff[] {
  const random = new Random(seed, `rl/trade-offs/${step}`);
  return Array.from({ length: tradeOffs }, () => draw(random));
}

function annealed({ alpha_schedule, steps }: Training, asked: TradeOff, step: number): TradeOff {
  return { ...asked, alpha: trainingAlpha(alpha_schedule, asked.alpha, { step, steps }) };
}

/** Every trade-off of every step meets its own prompts. */
function promptsOf(
  { prompts, seed, batch, tradeOffs }: Training,
  step: number,
  g: number,
): readonly Prompt[] {
  return drawInEpochs(prompts, {
    seed,
    purpose: 'rl/order',
    start: (step * tradeOffs + g) * batch,
    count: batch,
  });
}

interface UpdateInput {
  readonly distributed: Distributed;
  readonly progress: Progress;
  readonly parameters: ConditionedParameters;
}

/** One update of all trained parameters; disposes what it replaces. */
function update(
  optimizer: Optimizer,
  { distributed, progress, parameters }: UpdateInput,
): Omit<Progress, 'step' | 'tokens'> {
  const before = flatten(parameters);
  const { parameters: flat, state } = optimizer.update(distributed.gradients, progress.optimizer, before);
  distributed.dispose();
  disposeTensors(before);
  disposeState(progress.optimizer);
  const { shared, copies } = unflatten(flat, parameters);
  return { policy: { ...progress.policy, shared, copies }, optimizer: state };
}
