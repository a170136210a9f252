/** What stands at an input of a kind: references to artifacts, paths, or many of them. */
import type { InputPort } from '../../runner/contract.js';
import { patterns } from '../../schemas/pipeline.js';
import type { EditorSchema } from './written.js';

const artifact = `\\$(?!params\\.)${patterns.stage.slice(1, -1)}(\\([^(),]+\\))?\\.${patterns.name.slice(1, -1)}$`;
const path = `[^$]|\\$\\$|\\$params\\.${patterns.name.slice(1, -1)}$`;

interface Taking {
  /** As the end of a sentence that begins with "Expected" or "Takes". */
  readonly takes: string;
  readonly schema: EditorSchema;
}

export function portSchema(port: InputPort): EditorSchema {
  const { takes, schema } = takingOf(port);
  const optional = port.optional === true ? ' Optional.' : '';
  return {
    description: port.description,
    markdownDescription: `${port.description}\n\nTakes ${takes}${optional}`,
    ...schema,
  };
}

function takingOf(port: InputPort): Taking {
  const one = portTaking(port);
  if (port.many === 'map') {
    const map = {
      type: 'object',
      additionalProperties: false,
      patternProperties: { [patterns.name]: one.schema },
    };
    return { takes: `a map of names, each to ${one.takes}`, schema: map };
  }
  if (port.many === 'list')
    return { takes: `a list, each ${one.takes}`, schema: { type: 'array', items: one.schema } };
  return one;
}

function portTaking(port: InputPort): Taking {
  const takes = takesOf(port);
  const pattern =
    port.path === 'only' ? `^(${path})` : port.path === true ? `^(${path}|${artifact})` : `^${artifact}`;
  const expected = `Expected ${takes}`;
  const one: EditorSchema = {
    type: 'string',
    pattern,
    patternErrorMessage: expected,
    errorMessage: expected,
  };
  if (port.list === undefined || port.list === false) return { takes, schema: one };
  const list = { title: 'list of references', type: 'array', minItems: 1, items: one };
  return { takes, schema: { anyOf: [{ title: 'reference', ...one }, list] } };
}

function takesOf(port: InputPort): string {
  if (port.path === 'only') return 'a path relative to this file.';
  const many = port.type === 'any' ? 'artifacts of any type' : `artifacts of the type ${port.type}`;
  const what = port.list === true ? `references to ${many}` : `a reference to ${oneOf(port)}`;
  const example = port.list === true ? '`$stage(axis=*).output`, or a list of references' : '`$stage.output`';
  const list = port.list === 'either' ? ', or a list of them, `$stage(axis=*).output`' : '';
  return `${what}: ${example}${list}${port.path === true ? '; or a path relative to this file' : ''}.`;
}

const oneOf = ({ type }: InputPort): string => (type === 'any' ? 'an artifact' : `a ${type}`);
