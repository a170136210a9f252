import type { Tensor2D } from '@tensorflow/tfjs';
import { tf } from '../../backend/tf.js';
import { architectureOf, parameter, SOFT_TOKENS } from '../../lm/index.js';
import { Random } from '../../random.js';
import type { ConditioningMethod } from './types.js';

/**
 * Embeddings before the prompt, kept once an objective and merged like any parameter: at w they are sum_i w_i P^(i).
 * They begin as embeddings of the vocabulary (Lester et al., "The Power of Scale for Parameter-Efficient Prompt Tuning",
 * EMNLP 2021), which stand for the reference's: of conditioning tokens, which a reference may have learnt to ignore, or
 * else of any. The reference always reads the prompt without them.
 */
export const conditioning: ConditioningMethod = {
  conditions: (parameter) => parameter === SOFT_TOKENS,
  untied: false,
  added({ config, weights, tokenizer }, { softTokens = 0 }, seed) {
    const { name, rows } = architectureOf(config).embedding;
    const reserved = [...tokenizer.reserved.values()];
    const random = new Random(seed, 'policy/soft-tokens');
    const draw = (): number => reserved[random.integer(reserved.length || 1)] ?? random.integer(rows);
    const words = Int32Array.from({ length: softTokens }, draw);
    return { [SOFT_TOKENS]: tf.gather(parameter<Tensor2D>(weights, name), words) };
  },
};
