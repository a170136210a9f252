import type { JsonObject } from '../../schemas/json.js';
import type { InputTraits, Problem, StageKind, Traits } from '../contract.js';
import type { Assignment } from './assign.js';
import { reportKindProblem } from './check-values.js';
import type { Reporter } from './diagnostics.js';
import { entryOf, type MapNode } from './nodes.js';
import type { Item } from './select.js';
import { agreed, type Outputs, sureOutputs } from './sure-outputs.js';

/** A cell that an input reads, and which of its outputs. */
export interface PortItem extends Item {
  readonly output: string;
}

/** A cell, as far as its outputs hang on it. */
export interface Reading {
  readonly assignment: Assignment;
  readonly items: ReadonlyMap<string, readonly PortItem[]>;
}

/** JSON as the functions of a kind take it. */
export const plain = (values: JsonObject): Record<PropertyKey, unknown> =>
  values as Record<PropertyKey, unknown>;

/** Outputs of a cell, after the kind's own checks; undefined where what is wrong leaves them unknown. */
export function outputsOf(kind: StageKind, reading: Reading, diagnostics: Reporter): Outputs | undefined {
  const mistakes = checkRulesOf(kind, reading, diagnostics);
  const { assignment, items } = reading;
  const { values, wrong } = assignment;
  const inputs = traitsOf(assignment, items);
  if (wrong.size > 0)
    return (
      outputsDespite(kind, values, inputs, wrong) ??
      sureOutputs(kind, { values, inputs, wrong, written: writtenIn(assignment) })
    );
  if (mistakes.some(({ path }) => path.length === 0)) return undefined;
  const outputs = kind.outputs(plain(values), inputs);
  return mistakes.length === 0 ? outputs : withoutTraits(outputs);
}

/** Reports what the kind's own rules find of a cell; the mistakes among it. */
export function checkRulesOf(
  kind: StageKind,
  { assignment, items }: Reading,
  diagnostics: Reporter,
): readonly Problem[] {
  const { values, wrong } = assignment;
  const inputs = traitsOf(assignment, items);
  const unknown = new Set([...wrong, ...unknownInputs(items)]);
  const problems = problemsOf(kind, { values, inputs, unknown }).filter((problem) =>
    isCause(problem, kind, assignment.with),
  );
  for (const problem of problems) reportKindProblem(problem, { with: assignment.with, diagnostics });
  return problems.filter(({ mayBeMeant }) => mayBeMeant !== true);
}

/** Outputs that a stage has in each of its cells although none of them can be made; undefined where that can't be told. */
export function outputsOfBlocked(
  kind: StageKind | undefined,
  assignments: readonly Assignment[],
): Outputs | undefined {
  const made = assignments.filter(({ leftOut }) => !leftOut);
  if (kind === undefined || made.some(({ with: settings }) => settings.partial)) return undefined;
  return agreed(
    made.map((assignment) => {
      const { values, wrong } = assignment;
      const inputs = traitsOf(assignment, new Map());
      const unknown = new Set([...wrong, ...Object.keys(inputs)]);
      return sureOutputs(kind, { values, inputs, wrong: unknown, written: writtenIn(assignment) });
    }),
  );
}

const writtenIn = ({ with: settings }: Assignment): ReadonlySet<string> =>
  new Set(settings.entries.map(({ key }) => key));

/** Beside a key that the kind doesn't know, what is wrong with a value that isn't written follows from it. */
function isCause({ path: [key] }: Problem, kind: StageKind, settings: MapNode): boolean {
  if (key === undefined || entryOf(settings, String(key)) !== undefined) return true;
  const known = new Set([...Object.keys(kind.inputs), ...Object.keys(kind.with.properties)]);
  return settings.entries.every((entry) => known.has(entry.key));
}

/** Inputs that read a cell of which nothing is known. */
const unknownInputs = (items: Reading['items']): readonly string[] =>
  [...items].flatMap(([name, read]) => (read.some(({ cell }) => cell.outputs === undefined) ? [name] : []));

interface Judged {
  readonly values: JsonObject;
  readonly inputs: InputTraits;
  /** Names of values and inputs that nothing is to be concluded from. */
  readonly unknown: ReadonlySet<string>;
}

/** What the kind's own rules find, but for those that look at something unknown. */
function problemsOf({ check }: StageKind, { values, inputs, unknown }: Judged): readonly Problem[] {
  if (check === undefined) return [];
  if (unknown.size === 0) return check(plain(values), inputs);
  return (check.rules ?? [check]).flatMap((rule) => {
    const read = new Set<PropertyKey>();
    try {
      const problems = rule(watched(plain(values), read), watched(inputs, read));
      return [...unknown].some((name) => read.has(name)) ? [] : problems;
    } catch {
      return []; // it met what was reported as wrong
    }
  });
}

/** What is wrong with a cell's rewards is not to be found again in all that read it. */
const withoutTraits = (outputs: Outputs): Outputs =>
  Object.fromEntries(Object.entries(outputs).map(([name, { type }]) => [name, { type }]));

/**
 * Outputs of a cell with errors, where they don't hang on what is wrong: so that the stages that read it are checked
 * in the same run. Undefined where they do.
 */
function outputsDespite(
  kind: StageKind,
  values: JsonObject,
  inputs: InputTraits,
  wrong: ReadonlySet<string>,
): Outputs | undefined {
  const read = new Set<PropertyKey>();
  try {
    const outputs = kind.outputs(watched(plain(values), read), watched(inputs, read));
    return [...wrong].some((key) => read.has(key)) ? undefined : outputs;
  } catch {
    return undefined; // it met what was reported as wrong
  }
}

/** The same object, noting the names that are asked for. Asking for all names asks for the wrong ones, too. */
function watched<T extends object>(object: T, read: Set<PropertyKey>): T {
  return new Proxy(object, {
    get: (target, key): unknown => {
      read.add(key);
      return Reflect.get(target, key);
    },
    has: (target, key) => {
      read.add(key);
      return Reflect.has(target, key);
    },
    ownKeys: () => {
      throw new Error('all names are asked for, and some are wrong');
    },
  });
}

function traitsOf({ ports }: Assignment, items: ReadonlyMap<string, readonly PortItem[]>): InputTraits {
  const traits = ports.map((use): readonly [string, Traits | readonly Traits[]] => {
    if (use.kind === 'path') return [use.name, {}];
    const read = (items.get(use.name) ?? []).map(({ cell, output }) => cell.outputs?.[output]?.traits ?? {});
    return [use.name, use.gathered ? read : (read[0] ?? {})];
  });
  return Object.fromEntries(traits);
}
