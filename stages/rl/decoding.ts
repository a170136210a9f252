/** How responses are drawn: settings of every kind that samples, and what may not be asked for where. */
import type { Problem } from '../../runner/contract.js';
import { Type, type Static } from '../../schemas/type.js';

const fields = {
  temperature: Type.Number({
    description:
      'Log-probabilities are divided by it: 1 is the policy itself, and 0 always takes the likeliest token.',
    default: 1,
    minimum: 0,
  }),
  top_k: Type.Integer({
    description: 'Draws from so many likeliest tokens only, after the temperature; 0: from all.',
    default: 0,
    minimum: 0,
  }),
  top_p: Type.Number({
    description:
      'Draws from the fewest likeliest tokens that reach this probability together, of what `top_k` left; 1: from all.',
    default: 1,
    exclusiveMinimum: 0,
    maximum: 1,
  }),
  min_p: Type.Number({
    description:
      'Draws only from tokens at least this times as likely as the likeliest, after the others; 0: from all.',
    default: 0,
    minimum: 0,
    maximum: 1,
  }),
  stop: Type.Array(Type.String({ minLength: 1 }), {
    description:
      'Texts that end a response beside the end-of-text token. Their tokens count; the text is kept up to them.',
    default: [],
  }),
} as const;

const whole = { temperature: 1, top_k: 0, top_p: 1, min_p: 0, stop: [] };

/** The setting `decoding`; what it means differs between training and evaluation. */
export const decodingField = (description: string) =>
  Type.Object(fields, { additionalProperties: false, description, default: whole });

export type Decoding = Static<ReturnType<typeof decodingField>>;
type Name = keyof Decoding;

/** Settings that change what is drawn from. */
export function filters(decoding: Decoding): readonly Name[] {
  const names = ['temperature', 'top_k', 'top_p', 'min_p'] as const;
  return names.filter((name) => decoding[name] !== whole[name]);
}

/** Settings that change anything. */
export function changes(decoding: Decoding): readonly Name[] {
  return [...filters(decoding), ...(decoding.stop.length > 0 ? (['stop'] as const) : [])];
}

/** What can never do anything, or nothing but repeat itself. */
export function decodingProblems(decoding: Decoding, samples: number): Problem[] {
  if (decoding.temperature > 0) return [];
  const idle = filters(decoding).filter((name) => name !== 'temperature');
  return [
    ...idle.map((name) => ({
      code: 'decoding-idle',
      path: ['decoding', name],
      message: `temperature 0 takes the likeliest token whatever \`${name}\` leaves`,
      hint: `leave \`${name}\` away, or raise the temperature`,
    })),
    ...(samples > 1
      ? [
          {
            code: 'decoding-repeats',
            path: ['decoding', 'temperature'],
            message: `temperature 0 draws the same response each time: ${samples} samples a prompt would be one, counted ${samples} times`,
            hint: 'write `samples: 1`',
          },
        ]
      : []),
  ];
}

/**
 * A gradient estimated from responses of another distribution is not that of the objective: log-probabilities are
 * those of the policy, and no weight can repair what a filter never draws.
 */
export function trainingDecodingProblems(decoding: Decoding): Problem[] {
  return filters(decoding).map((name) => ({
    code: 'decoding-off-policy',
    path: ['decoding', name],
    message:
      `training draws from the policy itself: with \`${name}: ${String(decoding[name])}\` its gradient would not be that of ` +
      'the objective, since the estimator needs responses as likely as the policy makes them',
    hint: `set \`${name}\` in the \`front\` that measures the policy; here only \`stop\` may be set`,
  }));
}

/** An exact world lists whole responses of the policy itself. */
export function exactDecodingProblems(decoding: Decoding, world: string | undefined): Problem[] {
  if (world === undefined) return [];
  return changes(decoding).map((name) => ({
    code: 'decoding-exact',
    path: ['decoding', name],
    message: exactDecoding(name, world),
    hint: 'set `exact: false` to measure by samples alone, or take `decoding` away',
  }));
}

function exactDecoding(name: Name, world: string): string {
  return (
    `the exact figures of ${world} are those of the policy itself and of responses that end with the end-of-text token; ` +
    `with \`${name}\` the samples beside them would be of something else`
  );
}
