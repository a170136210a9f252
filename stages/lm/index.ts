/** What the rest of the science uses of the language models. */
export {
  architectureOf,
  configJson,
  contextOf,
  decoderConfig,
  parseConfig,
  type ModelConfig,
} from './config.js';
export {
  forward,
  hiddenStates,
  outputLogits,
  SOFT_TOKENS,
  type DecodeOptions,
  type ForwardOptions,
} from './decoder.js';
export { clipByGlobalNorm, globalNorm, linearCombination, valueAndGradients } from './gradients.js';
export { languageModel, type LanguageModelOptions } from './language-model.js';
export { loadModel, saveModel, type Model } from './model-folder.js';
export {
  adamw,
  disposeState,
  exportState,
  importState,
  type AdamOptions,
  type Optimizer,
  type OptimizerState,
  type Scaled,
  type Updated,
} from './optimizer.js';
export { bpeTokenizer } from './bpe.js';
export { readTokenizer, writeTokenizer } from './tokenizer-files.js';
export { subwordTokenizer } from './subword-tokenizer.js';
export { readWeights, takeParameters, type FindFile } from './weights-files.js';
export { assembleRows, type RowHeads } from './row-heads.js';
export { readSafetensors, writeSafetensors } from './safetensors.js';
export {
  adapted,
  adaptersOf,
  factorGradients,
  freshFactors,
  loraTargets,
  rowFactors,
  type Adapters,
  type LoraShape,
} from './lora.js';
export {
  freshSvdFactors,
  svdAdapted,
  svdAdaptersOf,
  svdGradients,
  svdRowFactors,
  type SvdAdapters,
  type SvdMixture,
} from './svd-lora.js';
export { loadAdapter, saveAdapter, type Adapter } from './peft.js';
export { isPlain, type Filter } from './filter.js';
export { stopAt, type Stopping } from './stopping.js';
export { greedy, sample, type SampleRequest, type Samples } from './sampling.js';
export { constant, schedule, type Schedule, type ScheduleOptions } from './schedule.js';
export {
  entropies,
  packGroups,
  placesToTokens,
  rowKl,
  scorePacked,
  scoreTrie,
  sumPerResponse,
  type Packed,
  type Scored,
  type ScoreOptions,
} from './scoring.js';
export {
  buildTokenizer,
  parseTokenizer,
  tokenizerJson,
  type MaskedTokenizer,
  type TokenizerOptions,
} from './tokenizer.js';
export {
  cloneTensors,
  countParameters,
  disposeTensors,
  initialWeights,
  mapTensors,
  parameter,
  parameterShapes,
  pick,
  untie,
} from './weights.js';
