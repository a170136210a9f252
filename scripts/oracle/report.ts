/** Finds the groups in what was read, checks each, and says how it went. */
import { enumerableWorldGroup } from './enumerable-world.js';
import { measuresOfPoints, measuresOfPointSets } from './measures.js';
import { mixing } from './merging.js';
import { news } from './news.js';
import { rouge } from './rouge.js';
import type { Errors, Shape } from './shape.js';
import { statistics } from './statistics.js';
import { gradient, leaveOneOutGroup, realignment } from './tree-policies.js';
import { tree } from './tree.js';

export const shapes: readonly Shape[] = [
  tree,
  realignment,
  gradient,
  leaveOneOutGroup,
  mixing,
  enumerableWorldGroup,
  measuresOfPoints,
  measuresOfPointSets,
  rouge,
  news,
  ...statistics,
];

export type Outcome =
  | {
      readonly kind: 'checked';
      readonly group: string;
      readonly shape: string;
      readonly errors: Errors;
      readonly tolerance: number;
    }
  | { readonly kind: 'unknown'; readonly group: string; readonly reason: string };

/** Checks a parsed file: itself, if it is one group, else each of its entries. Text beside them is a remark. */
export async function checkFile(name: string, content: unknown): Promise<Outcome[]> {
  const whole = shapes.find((shape) => shape.fits(content));
  if (whole) return [await checked(name, whole, { content, around: { name, siblings: [content] } })];
  if (!isObject(content))
    return [{ kind: 'unknown', group: name, reason: 'unknown group, no shape has these fields' }];
  const siblings = Object.values(content);
  const outcomes: Outcome[] = [];
  for (const [key, group] of Object.entries(content)) {
    if (typeof group === 'string') continue;
    const shape = shapes.find((candidate) => candidate.fits(group));
    if (shape) {
      const around = { name: key, siblings };
      outcomes.push(await checked(`${name} ${key}`, shape, { content: group, around }));
    } else outcomes.push(...(await inner(`${name} ${key}`, group)));
  }
  return outcomes;
}

/** An entry that is no group itself may hold some; if none of it is known it is one unknown group. */
async function inner(name: string, group: unknown): Promise<Outcome[]> {
  const unknown: Outcome = {
    kind: 'unknown',
    group: name,
    reason: 'unknown group, no shape has these fields',
  };
  if (!isObject(group)) return [unknown];
  const outcomes = await checkFile(name, group);
  return outcomes.some((outcome) => outcome.kind === 'checked') ? outcomes : [unknown];
}

async function checked(
  group: string,
  shape: Shape,
  given: { readonly content: unknown; readonly around: Parameters<Shape['check']>[1] },
): Promise<Outcome> {
  const errors = await shape.check(given.content, given.around);
  return { kind: 'checked', group, shape: shape.name, errors, tolerance: shape.tolerance };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The name and size of a group's largest error; a group in which nothing was compared is infinitely wrong. */
export function worst(errors: Errors): { readonly name: string; readonly error: number } {
  const entries = Object.entries(errors).map(([name, error]) => ({ name, error }));
  return entries.reduce(
    (a, b) => (b.error > a.error ? b : a),
    entries[0] ?? { name: 'nothing compared', error: Infinity },
  );
}

/** One line a group. */
export function line(outcome: Outcome): string {
  if (outcome.kind === 'unknown') return `?     ${outcome.group}: ${outcome.reason}`;
  const { name, error } = worst(outcome.errors);
  const { tolerance } = outcome;
  const verdict = error <= tolerance ? 'ok   ' : 'WRONG';
  const figures = `largest error ${error.toExponential(2)} (${name}), tolerance ${tolerance === 0 ? 0 : tolerance.toExponential(0)}`;
  return `${verdict} ${outcome.group} [${outcome.shape}]: ${figures}`;
}

/** 2 where a group is unknown, else 1 where an error is beyond its tolerance, else 0. */
export function exitCode(outcomes: readonly Outcome[]): 0 | 1 | 2 {
  if (outcomes.length === 0 || outcomes.some((outcome) => outcome.kind === 'unknown')) return 2;
  const wrong = outcomes.some(
    (outcome) => outcome.kind === 'checked' && worst(outcome.errors).error > outcome.tolerance,
  );
  return wrong ? 1 : 0;
}
