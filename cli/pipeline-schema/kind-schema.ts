/** What stands under `with` for a kind: its inputs as references, its settings as values or references. */
import type { StageKind } from '../../runner/contract.js';
import { closed, type JsonSchema } from '../../runner/language/schema.js';
import { portSchema } from './port-schema.js';
import { mapped, written, type EditorSchema } from './written.js';

/** Name of the definition that holds a kind's `with`. */
export const definitionOf = ({ name }: StageKind): string => `with-${name.replaceAll('/', '-')}`;

/** `with` of every kind by the name of its definition; a field that an earlier kind has too points there. */
export function withDefinitions(kinds: readonly StageKind[]): Readonly<Record<string, EditorSchema>> {
  const pointers = new Map<string, string>();
  const definitions = kinds.map((kind) => {
    const schema = withSchema(kind);
    const properties = Object.entries(schema.properties as Fields).map(([name, field]) => {
      const text = JSON.stringify(field);
      const pointer = pointers.get(text);
      if (pointer !== undefined) return [name, { $ref: pointer }] as const;
      pointers.set(text, `#/definitions/${definitionOf(kind)}/properties/${name}`);
      return [name, field] as const;
    });
    return [definitionOf(kind), { ...schema, properties: Object.fromEntries(properties) }] as const;
  });
  return Object.fromEntries(definitions);
}

type Fields = Readonly<Record<string, EditorSchema>>;

export function withSchema(kind: StageKind): EditorSchema {
  const { properties = {}, required = [] } = closed(kind.with as unknown as JsonSchema);
  const inputs = Object.entries(kind.inputs).filter(([, port]) => port.optional !== true);
  const needed = [
    ...inputs.map(([name]) => name),
    ...required.filter((name) => properties[name]?.default === undefined),
  ];
  return {
    type: 'object',
    title: kind.name,
    description: kind.description,
    properties: {
      ...mapped(kind.inputs, portSchema),
      ...mapped(properties, (setting) => written(setting, 'params and axes')),
    },
    additionalProperties: false,
    ...(needed.length === 0 ? {} : { required: needed }),
  };
}
