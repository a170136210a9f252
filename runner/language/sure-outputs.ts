/**
 * Outputs of a stage of which something is wrong, where they are the same whatever was meant: so that what is wrong with
 * references to it is told in the same run.
 */
import type { ArtifactType } from '../../schemas/artifact.js';
import type { Json, JsonObject } from '../../schemas/json.js';
import type { InputTraits, OutputPort, StageKind } from '../contract.js';
import { formsOf, itemSchema, type JsonSchema, propertySchema, withDefaults } from './schema.js';

/** What is known of a stage that something is wrong with. */
export interface Doubtful {
  readonly values: JsonObject;
  /** Traits of the inputs that are given. */
  readonly inputs: InputTraits;
  /** Names of values and inputs of which nothing is known. */
  readonly wrong: ReadonlySet<string>;
  /** Names that stand under `with`, whatever their values are. */
  readonly written: ReadonlySet<string>;
}

export type Outputs = Readonly<Record<string, OutputPort>>;

/** More ways to fill in what is wrong than these are not tried. */
const mostTries = 96;

/** Names and types alone; undefined where values of different sorts in the place of what is wrong give different ones. */
export function sureOutputs(kind: StageKind, doubtful: Doubtful): Outputs | undefined {
  const { values, inputs, wrong } = doubtful;
  if (wrong.has('')) return undefined; // the map itself
  let tries: readonly Try[] = [{ values, inputs }];
  for (const name of wrong) {
    tries = tries.flatMap((one) => alternatives(kind, name, doubtful).map((change) => change(one)));
    if (tries.length > mostTries) return undefined;
  }
  return agreed(tries.map((one) => typesAt(kind, one)));
}

/** What all of them say; undefined where they differ, or one says nothing. */
export function agreed(all: readonly (Outputs | undefined)[]): Outputs | undefined {
  const [first] = all;
  const texts = new Set(all.map((outputs) => JSON.stringify(typesOf(outputs))));
  return first !== undefined && texts.size === 1 ? first : undefined;
}

export const typesOf = (outputs: Outputs | undefined): readonly (readonly [string, ArtifactType])[] | null =>
  outputs === undefined ? null : Object.entries(outputs).map(([name, { type }]) => [name, type] as const);

interface Try {
  readonly values: JsonObject;
  readonly inputs: InputTraits;
}

function typesAt(kind: StageKind, { values, inputs }: Try): Outputs | undefined {
  try {
    const outputs = Object.entries(kind.outputs(values as Record<PropertyKey, unknown>, inputs));
    return Object.fromEntries(outputs.map(([name, { type }]) => [name, { type }]));
  } catch {
    return undefined; // it reads what was not filled in as it is meant
  }
}

/** Ways to fill in a value or an input; none but to leave it as it is for a name that the kind doesn't know. */
function alternatives(
  kind: StageKind,
  name: string,
  { written, inputs }: Doubtful,
): readonly ((one: Try) => Try)[] {
  const given = written.has(name) || Object.hasOwn(inputs, name);
  const absent = given ? [] : [(one: Try) => without(one, name)];
  const port = kind.inputs[name];
  if (port !== undefined)
    return [
      ...(port.optional === true ? absent : []),
      ...(port.list === true ? [[], [{}]] : [{}]).map((traits) => (one: Try) => ({
        ...one,
        inputs: { ...one.inputs, [name]: traits },
      })),
    ];
  const values = kind.with as unknown as JsonSchema;
  const schema = propertySchema(values, name);
  if (schema === undefined) return [(one) => one];
  return [
    ...(values.required?.includes(name) ? [] : absent),
    ...samplesOf(schema).map((value) => (one: Try) => ({ ...one, values: { ...one.values, [name]: value } })),
  ];
}

const without = ({ values, inputs }: Try, name: string): Try => ({
  values: Object.fromEntries(Object.entries(values).filter(([key]) => key !== name)),
  inputs,
});

/** Values of every sort that a schema takes, its default first. */
function samplesOf(schema: JsonSchema): readonly Json[] {
  const usual = withDefaults(schema, undefined);
  const all = [...(usual === undefined ? [] : [usual]), ...formsOf(schema).flatMap(samplesOfForm)];
  return [...new Map(all.map((value) => [JSON.stringify(value), value])).values()];
}

function samplesOfForm(form: JsonSchema): readonly Json[] {
  if (form.const !== undefined) return [form.const];
  if (form.enum !== undefined) return form.enum;
  const least = form.minimum ?? (form.exclusiveMinimum ?? 0) + 1;
  switch (form.type) {
    case 'object':
      return samplesOfMap(form);
    case 'array':
      return [[], [samplesOf(itemSchema(form, 0) ?? {})[0] ?? 'x']];
    case 'integer':
    case 'number':
      return [least, form.maximum ?? least + 1];
    case 'boolean':
      return [false, true];
    case undefined:
    default:
      return ['x', 'y'];
  }
}

/** With all its keys, with those alone that it must have, and with each other sort of each of its values. */
function samplesOfMap(form: JsonSchema): readonly Json[] {
  const named = Object.entries(form.properties ?? {}).map(
    ([key, schema]) => [key, samplesOf(schema)] as const,
  );
  const [any] = Object.values(form.patternProperties ?? {});
  const rest = any ?? (typeof form.additionalProperties === 'object' ? form.additionalProperties : undefined);
  const whole = Object.fromEntries(named.map(([key, [first]]) => [key, first as Json]));
  return [
    whole,
    Object.fromEntries(Object.entries(whole).filter(([key]) => form.required?.includes(key))),
    ...named.flatMap(([key, [, ...others]]) => others.map((value) => ({ ...whole, [key]: value }))),
    ...(rest === undefined ? [] : [{ ...whole, x: samplesOf(rest)[0] as Json }]),
  ];
}
