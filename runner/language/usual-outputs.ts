/** What a kind gives whatever its settings are: for hints, and where a stage can't be expanded. */
import type { Json } from '../../schemas/json.js';
import type { ArtifactType } from '../../schemas/artifact.js';
import type { InputTraits, KindRegistry, StageKind } from '../contract.js';
import { once } from './once.js';
import { formsOf, type JsonSchema, withDefaults } from './schema.js';

/** Types of the outputs by name; empty where they hang on the settings. */
export const usualOutputs = once((kind: StageKind): Readonly<Record<string, ArtifactType>> => {
  try {
    const values = sampleOf(kind.with as unknown as JsonSchema) as Record<string, unknown>;
    const inputs = Object.entries(kind.inputs).map(([name, { list }]) => [name, list === true ? [] : {}]);
    const outputs = Object.entries(kind.outputs(values, Object.fromEntries(inputs) as InputTraits));
    return Object.fromEntries(outputs.map(([name, { type }]) => [name, type]));
  } catch {
    return {}; // it reads what a sample doesn't have
  }
});

/** Kinds that give a type. */
export const makersOf = (type: ArtifactType | 'any', registry: KindRegistry): readonly string[] =>
  [...registry.values()].flatMap((kind) =>
    type !== 'any' && Object.values(usualOutputs(kind)).includes(type) ? [kind.name] : [],
  );

/** Some value that a schema takes: its default, else the least of its first form. */
function sampleOf(schema: JsonSchema): Json {
  const usual = withDefaults(schema, undefined);
  if (usual !== undefined) return usual;
  const [form = {}] = formsOf(schema);
  switch (form.type) {
    case 'object':
      return Object.fromEntries(
        Object.entries(form.properties ?? {})
          .filter(([key, { default: otherwise }]) => otherwise !== undefined || form.required?.includes(key))
          .map(([key, property]) => [key, sampleOf(property)]),
      );
    case 'array':
      return Array.isArray(form.items) || form.items === undefined
        ? []
        : [sampleOf(form.items as JsonSchema)];
    case 'integer':
    case 'number':
      return form.minimum ?? (form.exclusiveMinimum ?? 0) + 1;
    case 'boolean':
      return false;
    case undefined:
    default:
      return (form.const ?? form.enum?.[0] ?? 'x') as Json;
  }
}
