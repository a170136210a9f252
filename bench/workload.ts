/** What is measured: trainings on the news world, the same as the kinds sft, soft and clp run. */
import { drawNews } from '../stages/worlds/news/draw.js';
import { openWorld } from '../stages/worlds/news/world.js';
import type { PolicyManifest } from '../schemas/artifact.js';
import type { ConditioningName } from '../schemas/conditionings.js';
import type { Row } from '../stages/data/types.js';
import {
  buildTokenizer,
  cloneTensors,
  decoderConfig,
  initialWeights,
  type Model,
} from '../stages/lm/index.js';
import { conditioningMethod } from '../stages/policy/conditioning/index.js';
import { initialPolicy, unconditioned } from '../stages/policy/initial-policy.js';
import { loraOf, softTokensOf, svdOf } from '../stages/policy/settings.js';
import { conditioningTokens } from '../stages/policy/prompt-writing.js';
import type { StoredPolicy } from '../stages/policy/stored-policy.js';
import { Random } from '../stages/random.js';
import { encodePrompts, type Prompt } from '../stages/rl/prompts.js';
import { examplesOf, beginSupervision, supervise, type SupervisedStep } from '../stages/rl/supervised.js';
import { drawTradeOff } from '../stages/rl/trade-offs.js';
import { begin, train, type Step } from '../stages/rl/trainer.js';

export interface Size {
  readonly width: number;
  readonly layers: number;
}

const context = 96;
const maxTokens = 16;
const samples = 16;

/** Steps of one training, as they come. */
export type Steps = AsyncGenerator<SupervisedStep | Step, void>;

const rows: readonly Row[] = drawNews({ size: 'small', seed: 0, counts: { train: 256 } })['train'] ?? [];

/** A reference that has learnt for a while: its samples share beginnings as those of a real training do. */
export async function reference({ width, layers }: Size, learnt: number): Promise<Model> {
  const texts = rows.flatMap(({ prompt, response = '' }) => [prompt, response]);
  const tokenizer = buildTokenizer(texts, { reserved: conditioningTokens });
  const config = decoderConfig({
    vocab_size: tokenizer.vocabulary.length,
    n_positions: context,
    n_embd: width,
    n_layer: layers,
    n_head: 4,
    bos_token_id: tokenizer.bos,
    eos_token_id: tokenizer.eos,
  });
  let model: Model = { config, tokenizer, weights: initialWeights(config, new Random(0, 'bench/weights')) };
  for await (const step of sftSteps(model, learnt)) model = step.model;
  return model;
}

function sftSteps(model: Model, steps: number): AsyncGenerator<SupervisedStep, void> {
  return supervise(
    {
      examples: examplesOf(rows, model.tokenizer, { context, learnPrompt: false }),
      seed: 0,
      steps,
      batch: 32,
      learning_rate: 3e-3,
      schedule: 'constant',
      warmup: 10,
      weight_decay: 0,
      max_grad_norm: 1,
      noise: { share: 0, tokens: [] },
    },
    beginSupervision(model),
  );
}

/** sft: 32 items a step. */
export function sft(model: Model): Steps {
  return sftSteps({ ...model, weights: cloneTensors(model.weights) }, Infinity);
}

export interface Steering {
  readonly conditioning: ConditioningName | 'none';
  readonly objectives: readonly string[];
  /** Trade-offs a step. */
  readonly tradeOffs: number;
  /** Prompts a trade-off; 1 without. */
  readonly batch?: number;
  /**
   * Every step is computed and moves nothing, and no response ends before its time: trainings whose copies are the
   * reference's meet the same responses at each step, and all draw as many tokens.
   */
  readonly still?: boolean;
}

/** A policy that begins at the model, whose weights are copied. */
export async function policyAt(
  model: Model,
  { conditioning, objectives }: Pick<Steering, 'conditioning' | 'objectives'>,
): Promise<StoredPolicy> {
  const method = conditioning === 'none' ? unconditioned : await conditioningMethod(conditioning);
  const own: Readonly<Partial<Record<ConditioningName, Partial<PolicyManifest>>>> = {
    lora: { lora: loraOf('lora') },
    'svd-lora': { svd: svdOf('svd-lora') },
    'soft-tokens': { softTokens: softTokensOf('soft-tokens') },
  };
  return initialPolicy(
    { ...model, weights: cloneTensors(model.weights) },
    {
      ...{ v: 1, method: 'clp', objectives: [...objectives], reference: '', conditioning },
      ...{ alpha: { fixed: 0.05 }, referenceShare: 'none' },
      ...(conditioning === 'none' ? {} : own[conditioning]),
    },
    { method, seed: 0 },
  );
}

/** soft (no conditioning) and clp: 16 samples a prompt. */
export async function clp(model: Model, steering: Steering): Promise<Steps> {
  const { objectives, tradeOffs, batch = 1, still = false } = steering;
  const { tokenizer, ...policy } = await policyAt(model, steering);
  const masked = Int32Array.of(...tokenizer.masked, ...(still ? [tokenizer.eos] : []));
  const world = openWorld({ kappa: 0.75, size: 'small', seed: 0 });
  const sampling = { weights: { dirichlet: 1 }, corners: 0, alpha: 0.05 };
  return train(
    {
      seed: 0,
      prompts: prompts(tokenizer),
      rewards: world.rewards.filter(({ name }) => objectives.includes(name)),
      tradeOffs,
      draw: (random) => drawTradeOff(sampling, objectives.length, random),
      steps: Infinity,
      batch,
      samples,
      maxTokens,
      learning_rate: still ? 0 : 1e-3,
      schedule: 'constant',
      warmup: 0,
      max_grad_norm: 1,
      kl: 'k1-in-reward',
      alpha_schedule: 'constant',
    },
    begin({ ...policy, tokenizer: { ...tokenizer, masked } }),
  );
}

export function prompts(tokenizer: Model['tokenizer']): readonly Prompt[] {
  return encodePrompts(rows, tokenizer, { context, before: 8, maxTokens });
}
