/** What is shown for the thing under the pointer, as Markdown. */
import { describeSchema } from '../language/describe-schema.js';
import { describeNode, listed, toJson, type Node } from '../language/nodes.js';
import type { AxisValues, Outline, StageOutline } from '../language/outline.js';
import type { NameUse, ReferenceUse } from '../language/names.js';
import type { JsonSchema } from '../language/schema.js';
import type { KindRegistry } from '../contract.js';
import type { Place } from '../pipeline.js';
import { fieldAt, type Field } from './fields.js';
import { covers, type Point } from './places.js';
import { nameAt } from './symbols.js';

export interface Hover {
  readonly place: Place;
  readonly markdown: string;
}

export function hoverAt(outline: Outline, registry: KindRegistry, at: Point): Hover | undefined {
  const reference = outline.references.find(({ place }) => covers(place, at));
  if (reference !== undefined)
    return { place: reference.place, markdown: aboutReference(reference, outline) };
  const name = nameAt(outline, at);
  const named = name && aboutName(name, outline);
  if (name !== undefined && named !== undefined) return { place: name.place, markdown: named };
  const field = fieldAt(outline.root, registry, at);
  return field && { place: field.place, markdown: aboutField(field) };
}

const code = (text: string): string => `\`${text}\``;
const values = (axes: AxisValues): string =>
  Object.entries(axes)
    .map(([axis, names]) => `- ${code(axis)}: ${listed(names.map(code))}`)
    .join('\n');

function aboutReference({ text, reference, stage }: ReferenceUse, outline: Outline): string {
  if (reference.kind !== 'stage')
    return reference.kind === 'params'
      ? aboutParam(reference.name, outline)
      : aboutAxis(reference.name, outline, stage);
  const target = outline.stages.find(({ name }) => name === reference.stage);
  if (target === undefined) return `There is no stage ${code(reference.stage)}.`;
  const found = outline.follow(reference);
  const type = found?.type ?? target.outputs[reference.output];
  const of = target.kind === undefined ? '' : ` (${code(target.kind.name)})`;
  const head = `${code(text)}: ${type ?? 'an artifact'} of ${code(target.name)}${of}`;
  if (found === undefined) return `${head}\n\nWhat it carries is known once the errors above it are mended.`;
  return [
    head,
    Object.keys(found.gathered).length === 0 ? '' : `Gathers:\n${values(found.gathered)}`,
    Object.keys(found.carried).length === 0 ? 'Carries no axes.' : `Carries:\n${values(found.carried)}`,
    `${count(found.cells, 'cell')} in all.`,
    found.variants.length === 0
      ? ''
      : `In the ${found.variants.length === 1 ? 'ablation' : 'ablations'} ${listed(found.variants.map(code))}: its cells there.`,
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;

function aboutParam(name: string, outline: Outline): string {
  const param = outline.params.find((one) => one.name === name);
  return param === undefined
    ? `There is no param ${code(name)}.`
    : `Param ${code(name)}: ${shown(param.value)}`;
}

const shown = (node: Node): string => {
  const json = toJson(node);
  if (json === null) return 'no default; `-p` gives its value';
  const text = json === undefined ? describeNode(node) : JSON.stringify(json);
  return text.length > 400 ? describeNode(node) : code(text);
};

/** An axis by the name that stands in a stage: its own, or one that it carries. */
function aboutAxis(name: string, outline: Outline, stage: string | undefined): string {
  const of = outline.stages.find((one) => one.name === stage);
  const names = of?.axes[name];
  if (of === undefined || names === undefined) return `Axis ${code(name)}`;
  return `Axis ${code(name)} of ${code(of.name)}: ${listed(names.map(code))}`;
}

function aboutName(use: NameUse, outline: Outline): string | undefined {
  if (use.kind === 'param') return aboutParam(use.name, outline);
  if (use.kind === 'axis') return aboutAxis(use.name, outline, use.stage);
  const stage = outline.stages.find(({ name }) => name === (use.kind === 'stage' ? use.name : use.stage));
  return stage && aboutStage(stage);
}

function aboutStage(stage: StageOutline): string {
  const { name, kind, axes, outputs, cells, variants } = stage;
  const size = cells === undefined ? 'its cells are known once its errors are mended' : count(cells, 'cell');
  const given = Object.entries(outputs).map(([output, type]) => `${code(`$${name}.${output}`)} (${type})`);
  return [
    `Stage ${code(name)}${kind === undefined ? '' : ` (${code(kind.name)})`}: ${size}`,
    kind?.description ?? '',
    Object.keys(axes).length === 0 ? '' : `Axes:\n${values(axes)}`,
    variants.size === 0
      ? ''
      : `Ablations add:\n${[...variants].map(([variant, more]) => `- ${code(variant)}: ${count(more, 'cell')}`).join('\n')}`,
    given.length === 0 ? '' : `Gives ${listed(given)}.`,
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function aboutField({ key, description, takes, schema }: Field): string {
  const standard = schema?.default === undefined ? [] : [`Default: ${code(JSON.stringify(schema.default))}`];
  const taken = takes ?? taking(schema);
  const told = [description ?? '', taken === '' ? '' : `Takes ${taken}.`, ...standard];
  return [`**${key}**`, ...told.filter((part) => part !== '')].join('\n\n');
}

function taking(schema: JsonSchema | undefined): string {
  const text = schema === undefined ? '' : describeSchema(schema);
  return ['a value', 'a map'].includes(text) ? '' : text;
}
