/** Signatures first; each is replaced by a re-export of its module as it lands (same names, same shapes). */
import type { Scalar, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import type { Random } from '../random.js';
import type {
  DecoderConfig,
  LanguageModel,
  NamedTensors,
  PromptGroup,
  TokenBatch,
  Tokenizer,
  Tokens,
} from './types.js';

// stages/lm/weights.ts
export declare function parameterShapes(config: DecoderConfig): Readonly<Record<string, readonly number[]>>;
export declare function initialWeights(config: DecoderConfig, random: Random): NamedTensors;
export declare function cloneTensors(tensors: NamedTensors): NamedTensors;
export declare function disposeTensors(tensors: NamedTensors): void;
export declare function countParameters(tensors: NamedTensors): number;
/** Ties undone: a copy with its own lm_head.weight, and the config that says so. */
export declare function untie(
  config: DecoderConfig,
  weights: NamedTensors,
): { config: DecoderConfig; weights: NamedTensors };

// stages/lm/decoder.ts
export interface ForwardOptions {
  readonly training: boolean;
  /** Required where training is true and a dropout rate is above 0. */
  readonly random?: Random;
}
/** (B, T, V) logits, T the longest row; rows beyond the end of a text are 0. */
export declare function forward(
  config: DecoderConfig,
  weights: NamedTensors,
  input: { readonly ids: TokenBatch; readonly prefix?: Tensor2D },
  options: ForwardOptions,
): Tensor3D;

// stages/lm/scoring.ts: every response token of every group in one forward pass, no padding, prompt once
export interface Packed {
  /** Scored tokens S, in the order group, response, token: row of `distributions` that predicts it. */
  readonly rows: Int32Array;
  readonly tokens: Int32Array;
  /** Response of each scored token, counted through all groups. */
  readonly response: Int32Array;
  readonly responses: number;
  /** Distinct prediction places M. */
  readonly places: number;
  /** Tokens that run through the model. */
  readonly nodes: number;
}
export declare function packGroups(groups: readonly PromptGroup[], config?: DecoderConfig): Packed;
export interface ScoreOptions extends ForwardOptions {
  /** Tokens of probability 0 (the tokenizer's `masked`): the distribution is normalised over the rest. */
  readonly masked?: Int32Array;
  readonly prefix?: Tensor2D;
}
export interface Scored {
  /** (S) log-probability of each scored token. */
  readonly logProbs: Tensor1D;
  /** (M, V) log-probabilities at each prediction place; tokens masked have about -1e9. */
  readonly distributions: Tensor2D;
}
/** Differentiable with respect to the weights (and prefix); the caller disposes (or tidies). */
export declare function scorePacked(
  config: DecoderConfig,
  weights: NamedTensors,
  packed: Packed,
  options: ScoreOptions,
): Scored;
/** (M) entropy in nats of each row of log-probabilities. Differentiable. */
export declare function entropies(distributions: Tensor2D): Tensor1D;
/** (M, V) and (M, V) -> (M) KL(p || q) in nats of each place. Differentiable in both. */
export declare function rowKl(p: Tensor2D, q: Tensor2D): Tensor1D;
/** (S) -> (responses) sums per response. Differentiable. */
export declare function sumPerResponse(values: Tensor1D, packed: Packed): Tensor1D;
/** (M) -> (S): the value of the place that predicts each scored token. Differentiable. */
export declare function placesToTokens(values: Tensor1D, packed: Packed): Tensor1D;
/** log-probability of each string after the prompt (each ends with EOS or not, as given). Differentiable. */
export declare function scoreTrie(
  config: DecoderConfig,
  weights: NamedTensors,
  prompt: Tokens,
  strings: TokenBatch,
  options: ScoreOptions,
): Tensor1D;

// stages/lm/language-model.ts
/** Owns `weights` unless keepWeights: dispose() frees them. Generation never gives a masked token. */
export declare function languageModel(
  config: DecoderConfig,
  weights: NamedTensors,
  tokenizer: MaskedTokenizer,
  options?: { readonly keepWeights?: boolean; readonly prefix?: Tensor2D },
): LanguageModel;

// stages/lm/sampling.ts
export interface SampleRequest {
  readonly prompts: TokenBatch;
  /** Responses a prompt. */
  readonly samples: number;
  readonly maxTokens: number;
  readonly eos: number;
  /** Default 1. */
  readonly temperature?: number;
  /** A stream of its own for row = prompt * samples + sample: results don't depend on batching. */
  readonly random: (row: number) => Random;
}
export interface Samples {
  /** Group i holds prompt i and its responses, EOS included where reached. */
  readonly groups: readonly PromptGroup[];
  /** logProbs[row][t] of each token under the model at temperature 1. */
  readonly logProbs: readonly Float32Array[];
  /** Responses cut at maxTokens without EOS. */
  readonly clipped: number;
}
export declare function sample(model: LanguageModel, request: SampleRequest): Samples;
/** The most likely token at each step. */
export declare function greedy(
  model: LanguageModel,
  prompts: TokenBatch,
  maxTokens: number,
  eos: number,
): Tokens[];

// stages/lm/tokenizer.ts
export interface MaskedTokenizer extends Tokenizer {
  /** Never generated, probability 0: pad, bos, sep and the reserved tokens. */
  readonly masked: Int32Array;
  /** Ids of the reserved extra tokens, by name. */
  readonly reserved: ReadonlyMap<string, number>;
}
export declare function buildTokenizer(
  texts: Iterable<string>,
  options?: { readonly maxVocabulary?: number; readonly reserved?: readonly string[] },
): MaskedTokenizer;
/** tokenizer.json in the form of Hugging Face's WordLevel; deterministic text. */
export declare function tokenizerJson(tokenizer: MaskedTokenizer): string;
export declare function parseTokenizer(text: string, path: string): MaskedTokenizer;

// stages/lm/model-folder.ts (config.json, model.safetensors, tokenizer.json)
export interface Model {
  readonly config: DecoderConfig;
  readonly weights: NamedTensors;
  readonly tokenizer: MaskedTokenizer;
}
export type ModelFiles = Readonly<Record<'config.json' | 'model.safetensors' | 'tokenizer.json', string>>;
/** From paths of the three files (as artifactFile() gives them). */
export declare function loadModel(files: ModelFiles): Promise<Model>;
export declare function saveModel(folder: string, model: Model): Promise<void>;
// stages/lm/safetensors.ts
export declare function readSafetensors(path: string): Promise<NamedTensors>;
export declare function writeSafetensors(
  path: string,
  tensors: NamedTensors,
  metadata?: Readonly<Record<string, string>>,
): Promise<void>;

// stages/lm/optimizer.ts, schedule.ts, gradients.ts
export type Schedule = (step: number) => number;
export declare function constant(rate: number): Schedule;
/** `kind` after a linear warm-up from 0; steps are counted from 0; `linear` and `cosine` end at `final` (default 0). */
export declare function schedule(options: {
  readonly kind: 'constant' | 'linear' | 'cosine';
  readonly rate: number;
  readonly steps: number;
  readonly warmup?: number;
  readonly final?: number;
}): Schedule;
export interface OptimizerState {
  readonly step: number;
  readonly first: NamedTensors;
  readonly second: NamedTensors;
}
export interface Optimizer {
  init(parameters: NamedTensors): OptimizerState;
  /** New parameters and state; nothing given is disposed. Parameters without a gradient stay (cloned). */
  update(
    gradients: NamedTensors,
    state: OptimizerState,
    parameters: NamedTensors,
  ): { readonly parameters: NamedTensors; readonly state: OptimizerState };
}
export declare function adamw(options: {
  readonly rate: Schedule;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  /** Decoupled; 0 by default. Never touches biases and layer norms. */
  readonly weightDecay?: number;
}): Optimizer;
export declare function disposeState(state: OptimizerState): void;
/** As one flat map of tensors and a number, for a checkpoint, and back. */
export declare function exportState(state: OptimizerState): {
  readonly step: number;
  readonly tensors: NamedTensors;
};
export declare function importState(exported: {
  readonly step: number;
  readonly tensors: NamedTensors;
}): OptimizerState;
/** Value and gradients of a scalar with respect to the named tensors; unused ones get zeros. */
export declare function valueAndGradients(
  loss: (weights: NamedTensors) => Scalar,
  weights: NamedTensors,
): { readonly value: Scalar; readonly gradients: NamedTensors };
/** L2 norm over all. */
export declare function globalNorm(gradients: NamedTensors): number;
/** Scaled so that the norm is at most `max`; a new set; the norm before is returned. */
export declare function clipByGlobalNorm(
  gradients: NamedTensors,
  max: number,
): { readonly gradients: NamedTensors; readonly norm: number };
/** sum_i coefficients[i] * sets[i], one operation a parameter: merge, gradient accumulation, distribution. */
export declare function linearCombination(
  coefficients: readonly number[],
  sets: readonly NamedTensors[],
): NamedTensors;

// stages/backend/engine.ts (import it from there)
//   startEngine(name?: 'wasm' | 'tensorflow' | 'cpu'): Promise<EngineInfo>;  EngineInfo {backend, version, threads, note?}
// stages/backend/tf.ts: import { tf } from '../backend/tf.js' (loads TensorFlow.js; types from '@tensorflow/tfjs')
