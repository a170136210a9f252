import type { Json, JsonObject } from '../../schemas/json.js';
import type { Problem, StageKind } from '../contract.js';
import type { Fix } from '../pipeline.js';
import type { Reporter } from './diagnostics.js';
import { writtenAll } from './edits.js';
import { explainSchemaErrors, type SchemaProblem } from './explain-schema-error.js';
import {
  contains,
  describeNode,
  type Entry,
  entryOf,
  everyNode,
  type Located,
  type MapNode,
  type Node,
  toJson,
} from './nodes.js';
import type { Advice } from './settings.js';
import { booleanMeant, numberMeant } from './meant.js';
import { mapMeant, pairOf } from './name-values.js';
import { once } from './once.js';
import { nearestOnes, suggest, suggestKey } from './nearest.js';
import { describeSchema } from './describe-schema.js';
import { stageKeys } from './read-stage.js';
import { formsOf, type JsonSchema, propertySchema, withDefaults } from './schema.js';
import { validatorOf } from './validator.js';

/** A stage's `with` after params and matrix values are put in. */
export interface WithContext {
  readonly stage: string;
  readonly kind: StageKind;
  readonly with: MapNode;
  /** Stages of the file: a reference to none of them is reported as such. */
  readonly stages: readonly string[];
  /** The stage as written, to move a key there. */
  readonly node: Node;
  readonly diagnostics: Reporter;
}

/** Values with defaults filled in, and the keys (of `with`) that an error was reported for. */
export interface CheckedValues {
  readonly values: JsonObject;
  readonly wrong: ReadonlySet<string>;
}

/** Checks settings of a stage against the schema of its kind; an entry that several have in common is read once. */
export function valueChecker(stage: Omit<WithContext, 'with'>): (settings: MapNode) => CheckedValues {
  const { kind } = stage;
  const { schema, check } = validatorOf(kind);
  const read = once((entry: Entry) => readEntry(entry, schema));
  const defaults = Object.keys(schema.properties ?? {}).map(
    (key) => [key, withDefaults(propertySchema(schema, key) ?? {}, undefined)] as const,
  );
  return (settings) => {
    const context = { ...stage, with: settings };
    const silent = new Set<string>();
    const given = new Map<string, Json | undefined>(defaults);
    for (const entry of settings.entries) {
      if (Object.hasOwn(kind.inputs, entry.key)) continue;
      const found = read(entry);
      if (found.unread) {
        silent.add(entry.key);
        reportUnread(entry.key, entry.value, context, schema);
      } else given.set(entry.key, found.value);
    }
    for (const key of meantKeys(context)) silent.add(key);
    const values = Object.fromEntries([...given].filter(isGiven));
    const wrong = new Set(silent);
    for (const problem of explainSchemaErrors(check(values))) {
      const key = problem.path[0] ?? problem.key ?? '';
      wrong.add(key);
      const unknown = problem.kind === 'missing' && problem.path.length === 0 && settings.partial;
      if (!silent.has(key) && !unknown) reportProblem(problem, context);
    }
    return { values, wrong };
  };
}

const isGiven = (entry: readonly [string, Json | undefined]): entry is [string, Json] =>
  entry[1] !== undefined;

/** An entry of `with` as JSON with defaults; unread where it is broken or holds an artifact. */
function readEntry(
  { key, value }: Entry,
  schema: JsonSchema,
): { readonly unread: boolean; readonly value?: Json | undefined } {
  if (contains(value, 'broken') || contains(value, 'reference')) return { unread: true };
  return { unread: false, value: withDefaults(propertySchema(schema, key) ?? {}, toJson(value)) };
}

const keysOf = once((kind: StageKind): readonly string[] => [
  ...Object.keys(kind.inputs),
  ...Object.keys(kind.with.properties),
]);

/** Known keys that an unknown one was likely meant to be: that they are missing needs no word of its own. */
export function meantKeys({ kind, with: values }: Pick<WithContext, 'kind' | 'with'>): ReadonlySet<string> {
  const known = keysOf(kind);
  const unknown = values.entries.filter(({ key }) => !known.includes(key));
  if (unknown.length === 0) return none;
  const written = values.entries.map(({ key }) => key);
  const absent = known.filter((key) => !written.includes(key));
  return new Set(unknown.flatMap(({ key }) => nearestOnes(key, absent)));
}

const none: ReadonlySet<string> = new Set();

/** A value that is broken or holds an artifact: only its key is checked, and that inputs alone take artifacts. */
function reportUnread(key: string, node: Node, context: WithContext, schema: JsonSchema): void {
  const property = propertySchema(schema, key);
  if (property === undefined) {
    reportUnknown({ kind: 'unknown', path: [], key, expectation: '', keyword: '', schema }, key, context);
    return;
  }
  for (const child of everyNode(node)) {
    if (child.kind !== 'reference' || !context.stages.includes(child.reference.stage)) continue;
    const inputs = Object.keys(context.kind.inputs).map((name) => `\`${name}\``);
    context.diagnostics.report(child, {
      code: 'misplaced-reference',
      message: `\`${key}\` takes ${describeSchema(property)}, found ${describeNode(child)}`,
      hint:
        inputs.length === 0
          ? `\`${context.kind.name}\` takes no artifacts`
          : `\`${context.kind.name}\` takes artifacts at ${inputs.join(', ')}`,
    });
  }
}

function reportProblem(problem: SchemaProblem, context: WithContext): void {
  const label = [...problem.path, ...(problem.key === undefined ? [] : [problem.key])].join('.');
  switch (problem.kind) {
    case 'missing':
      context.diagnostics.report(nodeAt(context, problem.path), {
        code: 'missing-key',
        message: `\`${label}\` is missing: it takes ${problem.expectation}`,
        hint: problem.schema.description,
      });
      return;
    case 'unknown':
      reportUnknown(problem, label, context);
      return;
    case 'value': {
      if (reportPairs(problem, context)) return;
      const at = nodeAt(context, problem.path);
      context.diagnostics.report(at, {
        code: problem.keyword === 'type' ? 'wrong-type' : 'wrong-value',
        message: `\`${label}\` takes ${problem.expectation}, found ${describeNode(at)}`,
        hint: problem.hint ?? boundHint(problem, context) ?? problem.schema.description,
        instead: problem.instead,
        ...(problem.hint === undefined ? meantAt(at, problem.schema, context) : undefined),
      });
      return;
    }
  }
}

/** Of a number that is too small: what may stand there, and what there is without it. */
function boundHint({ path, keyword, schema }: SchemaProblem, { kind }: WithContext): string | undefined {
  if (keyword !== 'minimum') return undefined;
  const property = propertyAt(kind.with as unknown as JsonSchema, path) ?? schema;
  const without = typeof property.default === 'number' ? `; left away, it is ${property.default}` : '';
  return `write ${String(schema.minimum)} or more${without}`;
}

/** Items `key: value` of a list: a map where one is taken, else names that need no value. */
function reportPairs(problem: SchemaProblem, context: WithContext): boolean {
  const { edit } = context.diagnostics;
  const at = nodeAt(context, problem.path);
  const list = problem.path.length > 1 ? nodeAt(context, problem.path.slice(0, -1)) : at;
  const map = mapMeant(at, edit) ?? mapMeant(list, edit);
  if (map === undefined) return false;
  const pair = pairOf(at, edit);
  const whole = propertyAt(
    context.kind.with as unknown as JsonSchema,
    problem.path.slice(0, list === at ? undefined : -1),
  );
  const takesMap = formsOf(whole ?? {}).some(({ type }) => type === 'object');
  if (!takesMap && pair === undefined) return false;
  const label = (takesMap && list !== at ? problem.path.slice(0, -1) : problem.path).join('.');
  const instead = takesMap ? map : (pair?.key ?? '');
  context.diagnostics.report(takesMap ? list : at, {
    code: 'wrong-type',
    message: `\`${label}\` takes ${takesMap ? describeSchema(whole ?? {}) : problem.expectation}, found ${takesMap ? 'a list of maps: in brackets, `key: value` is a map of its own' : describeNode(at)}`,
    hint: `write \`${instead}\``,
    instead,
  });
  return true;
}

const propertyAt = (schema: JsonSchema, path: readonly string[]): JsonSchema | undefined =>
  path.reduce<JsonSchema | undefined>((inner, key) => inner && propertySchema(inner, key), schema);

function reportUnknown(problem: SchemaProblem, label: string, context: WithContext): void {
  const { kind } = context;
  const key = problem.key ?? '';
  const known = Object.keys(problem.schema.properties ?? {});
  const names = problem.path.length === 0 ? [...Object.keys(kind.inputs), ...known] : known;
  const map = problem.path.length === 0 ? context.with : nodeAt(context, problem.path);
  const present = map.kind === 'map' ? map.entries.map((entry) => entry.key) : [];
  const where = problem.path.length === 0 ? `\`${kind.name}\`` : `\`${problem.path.join('.')}\``;
  context.diagnostics.report(keyPlace(context, [...problem.path, key]), {
    code: 'unknown-key',
    message: `${where} has no key \`${key}\``,
    ...(belongs(problem, label, context) ?? suggestKey(key, names, present)),
  });
}

/** Where a key belongs that stands in the wrong map. */
function belongs({ path, key = '' }: SchemaProblem, label: string, context: WithContext): Advice | undefined {
  const { kind, node } = context;
  const schema = kind.with as unknown as JsonSchema;
  const move = (to: Node | undefined, where: string): Advice => ({
    hint: `\`${key}\` belongs ${where}`,
    fixes: [moved(context, { path, key, to, title: `move it ${where}` })],
  });
  if ((stageKeys as readonly string[]).includes(key)) return move(node, 'beside `uses`');
  if (label !== key && (Object.hasOwn(kind.inputs, key) || propertySchema(schema, key) !== undefined))
    return move(context.with, 'directly under `with`');
  const parents = Object.entries(schema.properties ?? {})
    .filter(([, property]) =>
      formsOf(property).some(
        (form) => propertySchema(form, key) !== undefined && form.properties !== undefined,
      ),
    )
    .map(([name]) => name);
  const [parent = ''] = parents;
  if (parents.length !== 1) return undefined;
  const there = entryOf(context.with, parent);
  if (there !== undefined) return move(there.value, `under \`${parent}\``);
  const entry = path.length === 0 ? entryOf(context.with, key) : undefined;
  const fix = entry && context.diagnostics.edit.wrap(entry, parent, `move it under \`${parent}\``);
  return { hint: `\`${key}\` belongs under \`${parent}\``, fixes: [fix] };
}

function moved(
  context: WithContext,
  { path, key, to, title }: { path: readonly string[]; key: string; to: Node | undefined; title: string },
): Fix | undefined {
  const from = path.length === 0 ? context.with : nodeAt(context, path);
  const entry = entryOf(from, key);
  if (from.kind !== 'map' || to?.kind !== 'map' || entry === undefined) return undefined;
  return entryOf(to, key) === undefined ? context.diagnostics.edit.move(entry, from, to, title) : undefined;
}

/** What a value was meant as that is of another type than is taken. */
function meantAt(at: Node, schema: JsonSchema, { diagnostics }: WithContext): Advice | undefined {
  const types = formsOf(schema).map((form) => form.type);
  const text = diagnostics.edit.textOf(at.place);
  if (
    at.kind === 'list' &&
    at.items.length === 1 &&
    !types.includes('array') &&
    at.items[0]?.kind === 'scalar'
  )
    return { hint: 'write it without brackets', instead: diagnostics.edit.textOf(at.items[0].place) };
  if (at.kind !== 'scalar') return undefined;
  if (types.includes('number') || types.includes('integer')) return numberMeant(at, exampleOf(schema));
  if (types.includes('boolean')) return booleanMeant(at);
  if (types.length !== 1 || types[0] !== 'array' || (formsOf(schema)[0]?.minItems ?? 0) > 1) return undefined;
  return { hint: `write a list: \`[${text}]\``, instead: `[${text}]` };
}

/** A number that a schema takes. */
function exampleOf(schema: JsonSchema): number {
  if (typeof schema.default === 'number') return schema.default;
  const form = formsOf(schema).find(({ type }) => type === 'number' || type === 'integer');
  const least = form?.minimum ?? (form?.exclusiveMinimum ?? 0) + 1;
  const most = form?.maximum ?? form?.exclusiveMaximum ?? Infinity;
  return most <= 1 ? most / 2 : Math.min(Math.max(4, least), most);
}

/** Reports what a kind's own check found at the place of the value. */
export function reportKindProblem(
  problem: Problem,
  context: Pick<WithContext, 'with' | 'diagnostics'>,
): void {
  const at = nodeAt(context, problem.path.map(String));
  const text = at.kind === 'scalar' ? String(at.value) : undefined;
  const near = text === undefined ? undefined : suggest(text, problem.known ?? [], '');
  context.diagnostics.report(at, {
    code: problem.code,
    message: problem.message,
    hint: problem.hint,
    instead: problem.instead === undefined ? undefined : writtenAll(problem.instead),
    ...(problem.mayBeMeant ? { severity: 'warning' } : {}),
    ...(near?.instead === undefined ? undefined : near),
  });
}

/** The node at a path below `with`, or the nearest one above it that is written (a default has no place). */
export function nodeAt(context: Pick<WithContext, 'with'>, path: readonly string[]): Node {
  let node: Node = context.with;
  for (const part of path) {
    const next: Node | undefined = childAt(node, part);
    if (next === undefined) break;
    node = next;
  }
  return node === context.with ? firstLine(node) : node;
}

function childAt(node: Node, part: string): Node | undefined {
  if (node.kind === 'list') return node.items[Number(part)];
  return node.kind === 'map' ? node.entries.find(({ key }) => key === part)?.value : undefined;
}

/** A long map is pointed at by its first character. */
function firstLine(node: Node): Node {
  const { place } = node;
  return place.endLine === place.line
    ? node
    : { ...node, place: { ...place, endLine: place.line, endColumn: place.column + 1 } };
}

function keyPlace(context: WithContext, path: readonly string[]): Located {
  const parent = nodeAt(context, path.slice(0, -1));
  const map = path.length === 1 ? context.with : parent;
  const entry = map.kind === 'map' ? map.entries.find(({ key }) => key === path.at(-1)) : undefined;
  return entry === undefined ? parent : { place: entry.keyPlace, uses: map.uses };
}
