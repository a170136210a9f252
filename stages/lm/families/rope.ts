/** Rotary positions as config.json says them: `rope_theta` and `rope_scaling` (Transformers 4), `rope_parameters` (5). */
import type { StageFailure } from '../../../runner/contract.js';
import type { JsonObject } from '../../../schemas/json.js';
import { unreachable } from '../../../schemas/result.js';
import { invalid, isMap, unsupported } from './family.js';

export type RopeParameters =
  | { readonly rope_type: 'default'; readonly rope_theta: number }
  /** Positions divided by the factor (Chen et al. 2023). */
  | { readonly rope_type: 'linear'; readonly rope_theta: number; readonly factor: number }
  /** Low frequencies divided, high ones kept, those between blended (Llama 3.1). */
  | {
      readonly rope_type: 'llama3';
      readonly rope_theta: number;
      readonly factor: number;
      readonly low_freq_factor: number;
      readonly high_freq_factor: number;
      readonly original_max_position_embeddings: number;
    };

/** In either spelling; `rope_scaling` decides where it says something, as in Transformers. */
export function readRope(json: JsonObject, positions: number, path: string): RopeParameters {
  const { rope_scaling: older, rope_parameters: newer } = json;
  const written = (isMap(older) && Object.keys(older).length === 0 ? undefined : older) ?? newer ?? {};
  if (!isMap(written))
    throw invalid(path, `rope_parameters must be an object, found ${JSON.stringify(written)}`);
  if (Object.values(written).some((value) => isMap(value)))
    throw unsupported(path, 'rope_parameters of its own for each type of layer');
  if ((written['partial_rotary_factor'] ?? json['partial_rotary_factor'] ?? 1) !== 1)
    throw unsupported(path, 'a partial_rotary_factor other than 1');
  const number = (name: string, otherwise?: unknown): number => {
    const found = written[name] ?? otherwise;
    if (typeof found === 'number' && found > 0) return found;
    throw invalid(
      path,
      `${name} of rope_parameters must be a number above 0, found ${JSON.stringify(found ?? null)}`,
    );
  };
  const rope_theta = number('rope_theta', json['rope_theta'] ?? 10000);
  const type = written['rope_type'] ?? written['type'] ?? 'default';
  const refused = (): StageFailure =>
    unsupported(path, `rope_type ${JSON.stringify(type)}; expected default, linear or llama3`);
  if (typeof type !== 'string') throw refused();
  switch (type) {
    case 'default':
      return { rope_type: type, rope_theta };
    case 'linear':
      return { rope_type: type, rope_theta, factor: number('factor') };
    case 'llama3':
      return {
        rope_type: type,
        rope_theta,
        factor: number('factor'),
        low_freq_factor: number('low_freq_factor'),
        high_freq_factor: number('high_freq_factor'),
        original_max_position_embeddings: number('original_max_position_embeddings', positions),
      };
    default:
      throw refused();
  }
}

/** Angles a position, one for each pair of channels; rounded to single precision as Transformers computes them. */
export function ropeFrequencies(rope: RopeParameters, headWidth: number): number[] {
  const plain = Array.from({ length: headWidth / 2 }, (_, j) =>
    Math.fround(1 / Math.fround(rope.rope_theta ** ((2 * j) / headWidth))),
  );
  switch (rope.rope_type) {
    case 'default':
      return plain;
    case 'linear':
      return plain.map((frequency) => Math.fround(frequency / rope.factor));
    case 'llama3':
      return plain.map((frequency) => Math.fround(blended(frequency, rope)));
    default:
      return unreachable(rope);
  }
}

function blended(frequency: number, rope: Extract<RopeParameters, { rope_type: 'llama3' }>): number {
  const { factor, low_freq_factor: low, high_freq_factor: high } = rope;
  const turns = (rope.original_max_position_embeddings * frequency) / (2 * Math.PI);
  if (turns < low) return frequency / factor;
  if (turns > high) return frequency;
  const smooth = (turns - low) / (high - low);
  return ((1 - smooth) * frequency) / factor + smooth * frequency;
}

/** In both spellings: Transformers 4 knows `rope_parameters` not, and would take another base without a word. */
export function writtenRope(rope: RopeParameters): JsonObject {
  const { rope_theta, ...scaling } = rope;
  return {
    rope_parameters: { ...rope },
    rope_theta,
    rope_scaling: rope.rope_type === 'default' ? null : scaling,
  };
}
