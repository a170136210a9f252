/** What stands under `with` for a kind: its inputs as references, its settings as values or references. */
import type { InputPort, StageKind } from '../../runner/contract.js';
import { closed, type JsonSchema } from '../../runner/language/schema.js';
import { patterns } from '../../schemas/pipeline.js';
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

const artifact = `\\$(?!params\\.)${patterns.stage.slice(1, -1)}(\\([^(),]+\\))?\\.${patterns.name.slice(1, -1)}$`;
const path = `[^$]|\\$\\$|\\$params\\.${patterns.name.slice(1, -1)}$`;

function portSchema(port: InputPort): EditorSchema {
  const what =
    port.list === true ? `references to artifacts of the type ${port.type}` : `a reference to a ${port.type}`;
  const example = port.list === true ? '`$stage(axis=*).output`, or a list of references' : '`$stage.output`';
  const takes = `${what}: ${example}${port.path === true ? '; or a path relative to this file' : ''}.`;
  const one: EditorSchema = {
    type: 'string',
    pattern: port.path === true ? `^(${path}|${artifact})` : `^${artifact}`,
    patternErrorMessage: `Expected ${takes}`,
    errorMessage: `Expected ${takes}`,
  };
  return {
    description: port.description,
    markdownDescription: `${port.description}\n\nTakes ${takes}${port.optional === true ? ' Optional.' : ''}`,
    ...(port.list === true
      ? {
          anyOf: [
            { title: 'reference', ...one },
            { title: 'list of references', type: 'array', minItems: 1, items: one },
          ],
        }
      : one),
  };
}
