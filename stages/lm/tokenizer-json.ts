/** What a tokenizer.json says, where Hugging Face's library for JavaScript reads it otherwise than the one for Python. */
import type { Json, JsonObject } from '../../schemas/json.js';
import { isMap } from './families/family.js';

/** Of a file without a type, as older ones are, the first that its fields fit. */
export function modelType(model: JsonObject): unknown {
  if (model['type'] !== undefined) return model['type'];
  if (Array.isArray(model['vocab'])) return 'Unigram';
  if ('merges' in model) return 'BPE';
  const pieces = 'continuing_subword_prefix' in model || 'max_input_chars_per_word' in model;
  return pieces ? 'WordPiece' : 'WordLevel';
}

/** The same tokenizer in the words of the library for JavaScript. */
export function forLibrary(json: JsonObject): JsonObject {
  const model = json['model'];
  return isMap(model) ? { ...json, model: { ...model, type: modelType(model) as Json } } : json;
}
