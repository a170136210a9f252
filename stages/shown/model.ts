/** What a reviewer sees of a model from supervised training: its curves, its last figures, its size. */
import type { FinishedCell, Shown } from '../../runner/contract.js';
import { readOutput } from './read.js';

/** Fields of config.json, in the spelling of either family, that say how large a model is. */
const sizes = [
  ...['model_type', 'vocab_size', 'n_embd', 'n_layer', 'n_head', 'n_positions', 'hidden_size'],
  ...['num_hidden_layers', 'num_attention_heads', 'num_key_value_heads', 'intermediate_size'],
  ...['max_position_embeddings', 'd_model', 'd_ff', 'num_layers', 'num_heads'],
];

export function showModel(cell: FinishedCell): Shown {
  const config = readOutput(cell, 'model', 'config.json') as Readonly<Record<string, unknown>>;
  const params = Object.fromEntries(
    sizes.flatMap((name): [string, number | string][] => {
      const value = config[name];
      return typeof value === 'number' || typeof value === 'string' ? [[name, value]] : [];
    }),
  );
  return {
    curves: ['loss', 'learning_rate', 'grad_norm'],
    finals: ['eval/loss', 'eval/bigram_loss'],
    model: { output: 'model', name: 'sft', params },
  };
}
