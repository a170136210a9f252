import type { JsonObject } from '../../schemas/json.js';
import type { InputPort } from '../contract.js';
import type { Fix } from '../pipeline.js';
import { meantKeys } from './check-values.js';
import {
  describeNode,
  type Entry,
  entryOf,
  listed,
  type MapNode,
  type Node,
  type ReferenceNode,
  type StageReference,
} from './nodes.js';
import { pairOf } from './name-values.js';
import { once } from './once.js';
import { readPath } from './port-paths.js';
import { oneOf, type PortContext, type PortUse, takes, typeText } from './port-use.js';
import { parseReference, plainName, selectorText } from './reference.js';
import { gathers } from './select.js';
import type { Advice } from './settings.js';

/** What settings say of a stage's inputs: uses, and the names of inputs that are missing or of the wrong shape. */
interface ReadPorts {
  readonly uses: readonly PortUse[];
  readonly wrong: readonly string[];
}

/**
 * Reads the inputs of a stage from its settings; an entry that several have in common is read once. The other values
 * are with defaults.
 */
export function portReader(
  context: Omit<PortContext, 'values'>,
): (settings: MapNode, values: JsonObject) => ReadPorts {
  const { kind } = context;
  const ports = Object.entries(kind.inputs).map(([name, port]) => {
    const read = once(({ value }: Entry) => readUses(name, port, value, { ...context, values: {} }));
    return { name, port, read };
  });
  return (settings, values) => {
    const meant = meantKeys({ kind, with: settings });
    const uses: PortUse[] = [];
    const wrong: string[] = [];
    for (const { name, port, read } of ports) {
      const entry = entryOf(settings, name);
      if (entry === undefined) {
        if (port.optional === true) continue;
        if (!meant.has(name) && !settings.partial)
          reportMissing(name, port, settings, { ...context, values });
        wrong.push(name);
        continue;
      }
      // Whether it is read in place hangs on other values.
      const found = port.inPlace ? readUses(name, port, entry.value, { ...context, values }) : read(entry);
      if (found === undefined) wrong.push(name);
      else uses.push(...found);
    }
    return { uses, wrong };
  };
}

function readUses(
  name: string,
  port: InputPort,
  node: Node,
  context: PortContext,
): readonly PortUse[] | undefined {
  if (port.many === 'map') return readMap(name, port, node, context);
  if (port.many === 'list') return readPaths(name, port, node, context);
  const use = readPort(name, port, node, context);
  return use && [use];
}

/** A map of inputs, each under the name that the file gives it. */
function readMap(
  name: string,
  port: InputPort,
  node: Node,
  context: PortContext,
): readonly PortUse[] | undefined {
  if (node.kind !== 'map') {
    refuse(name, port, node, context);
    return undefined;
  }
  const uses = node.entries.map(({ key, keyPlace, value }) => {
    if (plainName.test(key) && !Object.hasOwn(context.kind.inputs, key))
      return readPort(key, port, value, context);
    context.diagnostics.report(keyPlace, {
      code: 'bad-name',
      message: `\`${key}\` can't be the name of an input`,
      hint: plainName.test(key)
        ? `\`${key}\` is a key of \`${context.kind.name}\` itself`
        : 'names are `[a-z][a-z0-9_-]*`',
    });
    return undefined;
  });
  return uses.includes(undefined) ? undefined : uses.flatMap((use) => use ?? []);
}

/** A list of paths: an input each, named by the port and the path. */
function readPaths(
  name: string,
  port: InputPort,
  node: Node,
  context: PortContext,
): readonly PortUse[] | undefined {
  if (node.kind !== 'list') {
    refuse(name, port, node, context);
    return undefined;
  }
  const uses = node.items.map((item) => readPort(name, port, item, context));
  if (uses.includes(undefined)) return undefined;
  return uses.flatMap((use) =>
    use?.kind === 'path' ? [{ ...use, name: `${name}/${use.binding.at ?? use.binding.path}` }] : [],
  );
}

function readPort(name: string, port: InputPort, node: Node, context: PortContext): PortUse | undefined {
  switch (node.kind) {
    case 'reference':
      if (port.path === 'only') {
        refuse(name, port, node, context);
        return undefined;
      }
      return checkShape(name, port, node, context)
        ? { kind: 'references', name, port, nodes: [node], gathered: gathers(node.reference) }
        : undefined;
    case 'list':
      return readList(name, port, node.items, node, context);
    case 'scalar':
      if (port.path !== undefined && port.path !== false && typeof node.value === 'string')
        return readPath(name, port, { node, text: node.value }, context);
      refuse(name, port, node, context);
      return undefined;
    case 'map':
      refuse(name, port, node, context);
      return undefined;
    case 'broken':
      return undefined;
  }
}

/** A gather where one is taken, or one artifact where a list is. */
function checkShape(name: string, port: InputPort, node: ReferenceNode, context: PortContext): boolean {
  const { reference } = node;
  const many = gathers(reference);
  if (port.list === 'either' || many === (port.list === true)) return true;
  const found = context.typeOf(reference);
  if (found !== undefined && port.type !== 'any' && found !== port.type) {
    reportType(name, port, { node, found }, context);
    return false;
  }
  const unselectable = context.unselectable(reference);
  for (const found of unselectable) context.diagnostics.report(node, found);
  context.diagnostics.report(
    node,
    many
      ? {
          code: 'list-for-one',
          message: `\`${name}\` takes one ${typeText(port)}, and \`${reference.text}\` gathers a list`,
          hint: oneHint(reference),
          instead: ungathered(reference),
        }
      : {
          code: 'one-for-list',
          message: `\`${name}\` takes a list (each ${oneOf(port)}), and \`${reference.text}\` is one`,
          ...listAdvice(reference, port, unselectable.length === 0, context),
        },
  );
  return false;
}

/** An artifact of another type: that it should be a list, or none, is no advice. */
function reportType(
  name: string,
  port: InputPort,
  { node, found }: { node: ReferenceNode; found: string },
  context: PortContext,
): void {
  const written = context
    .candidates(port.type)
    .map((text) => (port.list === true ? (listOf(text, port, context) ?? text) : text));
  const some = written.slice(0, 4).map((text) => `\`${text}\``);
  context.diagnostics.report(node, {
    code: 'wrong-artifact',
    message: `\`${name}\` takes ${takes(port)}, and \`${node.reference.text}\` is a ${found}`,
    hint: some.length === 0 ? undefined : `write ${some.join(' or ')}`,
    instead: written.length === 1 ? written[0] : undefined,
  });
}

function oneHint(reference: StageReference): string {
  const { stage, selectors, output } = reference;
  const axes = selectors.map((one) => (one.kind === 'gather-all' ? 'axis' : one.axis));
  const picking = `$${stage}(${axes.map((axis) => `${axis}=...`).join(' ')}).${output}`;
  return `leave the axis free, \`${ungathered(reference)}\`, to make a cell for each, or pick one: \`${picking}\``;
}

/** The reference without its gathers: it carries these axes then. */
function ungathered({ stage, selectors, output }: StageReference): string {
  const picks = selectors.filter(({ kind }) => kind === 'pick').map(selectorText);
  return `$${stage}${picks.length === 0 ? '' : `(${picks.join(' ')})`}.${output}`;
}

/** Gathers the axes that are left free (all, where none is), and keeps the picks on the others. */
function listAdvice(
  reference: StageReference,
  port: InputPort,
  whole: boolean,
  { gatherable }: PortContext,
): Advice {
  const { stage, selectors, output, text } = reference;
  const picks = selectors.flatMap((one) => (one.kind === 'pick' ? [one] : []));
  const axes = gatherable(stage);
  const free = axes.filter((axis) => !picks.some((pick) => pick.axis === axis));
  const gathered = free.length > 0 ? free : axes;
  const kept = picks.filter(({ axis }) => !gathered.includes(axis));
  const all = port.gathers === 'all' && picks.length === 0;
  const gather = [
    ...(all ? ['*'] : gathered.map((axis) => `${axis}=*`)),
    ...(whole ? kept.map(({ axis, value }) => `${axis}=${value}`) : []),
  ];
  const gathering = `$${stage}(${gather.join(' ')}).${output}`;
  if (gathered.length === 0)
    return whole ? { hint: `write a list: \`[${text}]\``, instead: `[${text}]` } : { hint: 'write a list' };
  if (!whole) return { hint: `gather it, \`${gathering}\`` };
  return {
    hint: `gather it, \`${gathering}\`, or write a list: \`[${text}]\``,
    instead: gathering,
    or: `[${text}]`,
  };
}

function readList(
  name: string,
  port: InputPort,
  items: readonly Node[],
  node: Node,
  context: PortContext,
): PortUse | undefined {
  if (port.list === undefined || port.list === false || items.length === 0) {
    refuse(name, port, node, context);
    return undefined;
  }
  const nodes = items.map((item) => readItem(name, port, item, context));
  if (nodes.includes(undefined)) return undefined;
  return { kind: 'references', name, port, nodes: nodes.flatMap((node) => node ?? []), gathered: true };
}

/** A reference, or a list of references (from a param or a matrix value), which is spliced in. */
function readItem(
  name: string,
  port: InputPort,
  item: Node,
  context: PortContext,
): readonly ReferenceNode[] | undefined {
  if (item.kind === 'reference') return [item];
  if (item.kind === 'list' && item.items.every((inner) => inner.kind === 'reference')) return item.items;
  if (item.kind !== 'broken') refuse(name, { ...port, list: false }, item, context);
  return undefined;
}

const example = (type: InputPort['type'], { candidates }: PortContext): string | undefined => {
  const found = candidates(type).slice(0, 4);
  return found.length === 0 ? undefined : found.map((text) => `\`${text}\``).join(' or ');
};

/** What is taken here: of a port that takes many, all of them where something else than its map or list stands. */
function manyOf(port: InputPort, node: Node): string {
  if (port.many === 'map' && node.kind !== 'reference') return `a map of inputs (each ${takes(port)})`;
  return port.many === 'list' && node.kind !== 'list' ? `a list (each ${takes(port)})` : takes(port);
}

function refuse(name: string, port: InputPort, node: Node, context: PortContext): undefined {
  const text = node.kind === 'scalar' && typeof node.value === 'string' ? node.value : undefined;
  const candidates = context.candidates(port.type);
  const meant = candidates.find(
    (candidate) => text !== undefined && (candidate === `$${text}` || candidate.startsWith(`$${text}.`)),
  );
  const some = example(port.type, context);
  const [one] = candidates.length === 1 ? candidates : [];
  const only = one !== undefined && port.list === true ? (listOf(one, port, context) ?? one) : one;
  const [first] = node.kind === 'list' && port.list !== true ? node.items : [];
  const { edit } = context.diagnostics;
  const alone = node.kind === 'list' && node.items.length === 1 ? first : node;
  const inside = pairOf(alone, edit)?.value ?? alone;
  const inner =
    inside?.kind === 'reference' && inside !== node ? inside.reference.text : listMeant(port, node);
  context.diagnostics.report(node, {
    code: 'wrong-artifact',
    message: `\`${name}\` takes ${manyOf(port, node)}, found ${describeNode(node)}`,
    instead: inner ?? meant ?? only,
    hint:
      inner !== undefined
        ? `write \`${inner}\``
        : meant !== undefined
          ? `did you mean \`${meant}\`?`
          : some === undefined
            ? makersHint(name, port, context)
            : `write ${only === undefined ? some : `\`${only}\``}`,
  });
  return undefined;
}

/** The references of a map of names, where a list is taken: each brings its own name along. */
function listMeant({ list }: InputPort, node: Node): string | undefined {
  if (list !== true || node.kind !== 'map') return undefined;
  const texts = node.entries.map(({ value }) => (value.kind === 'reference' ? value.reference.text : ''));
  return texts.length === 0 || texts.includes('') ? undefined : `[${texts.join(', ')}]`;
}

/** Where no stage gives what is taken, as far as they are known: kinds that do. */
function makersHint(name: string, port: InputPort, { makers }: PortContext): string {
  const kinds = makers(port.type).map((kind) => `\`${kind}\``);
  if (kinds.length === 0) return port.description;
  const one = port.list === true ? '[$stage.output]' : '$stage.output';
  return `write \`${name}: ${one}\` with a stage that gives ${oneOf(port)}, such as one of the kind ${listed(kinds, 'or', 4)}`;
}

function reportMissing(name: string, port: InputPort, values: MapNode, context: PortContext): void {
  const some = example(port.type, context);
  const place = values.entries.length === 0 ? context.place : values.place;
  context.diagnostics.report(
    { place: { ...place, endLine: place.line, endColumn: place.column + 1 }, uses: [] },
    {
      code: 'missing-input',
      message: `\`${name}\` is missing: \`${context.kind.name}\` takes ${takes(port)} there`,
      hint: some === undefined ? makersHint(name, port, context) : `write \`${name}: ...\` with ${some}`,
      fixes: [withInput(name, port, values, context)],
    },
  );
}

/** The input with the one artifact of the file that it could take. */
function withInput(name: string, port: InputPort, values: MapNode, context: PortContext): Fix | undefined {
  const [only, other] = context.candidates(port.type);
  if (only === undefined || other !== undefined) return undefined;
  const text = `${name}: ${port.list === true ? (listOf(only, port, context) ?? only) : only}`;
  const { edit } = context.diagnostics;
  if (entryOf(context.node, 'with') !== undefined) return edit.insert(values, text);
  return context.node.kind === 'map' ? edit.insert(context.node, `with: {${text}}`) : undefined;
}

/** What to write for all that a reference stands for where a list is taken. */
function listOf(text: string, port: InputPort, context: PortContext): string | undefined {
  const parsed = parseReference(text);
  return parsed.ok && parsed.value.kind === 'stage'
    ? listAdvice(parsed.value, port, true, context).instead
    : undefined;
}
