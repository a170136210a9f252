import { dirname } from 'node:path';
import type { JsonObject } from '../../schemas/json.js';
import type { InputPort, StageKind } from '../contract.js';
import type { Coordinates } from './cell-id.js';
import { valueChecker } from './check-values.js';
import type { Combination } from './combinations.js';
import { type Finding, withoutNotes } from './diagnostics.js';
import type { AxisValue, StageDraft } from './draft.js';
import { type Reading, readAcross } from './across-variants.js';
import { type DraftCell, type Expanded, outputsSeen, viewOf } from './cells.js';
import type { ExpandContext } from './expand-context.js';
import {
  contains,
  type Entry,
  everyNode,
  type MapNode,
  type ReferenceNode,
  type StageReference,
} from './nodes.js';
import { nearest, suggest } from './nearest.js';
import { once } from './once.js';
import type { PortContext, PortUse } from './port-use.js';
import { portReader } from './ports.js';
import { variableHint } from './reference.js';
import { axesOf, type Row, unknownOutput } from './select.js';
import { settingsAt } from './settings-at.js';
import { makersOf, usualOutputs } from './usual-outputs.js';

/** One combination of own matrix values, and what `with` is then. */
export interface Assignment extends Combination {
  readonly coordinates: Coordinates;
  readonly with: MapNode;
  /** Defaults filled in. */
  readonly values: JsonObject;
  /** Keys of `with` that an error was reported for. */
  readonly wrong: ReadonlySet<string>;
  /** Inputs of which a reference reads nothing that is known: the axes of the cells aren't either. */
  readonly unread: readonly string[];
  readonly ports: readonly PortUse[];
  readonly occurrences: readonly Occurrence[];
  /** Whether it gathers variants, so that its cells are in none. */
  readonly crosses: boolean;
}

/** A reference at an input, with the rows that it reads. */
export interface Occurrence {
  /** Name of the input. */
  readonly port: string;
  readonly type: InputPort['type'];
  readonly node: ReferenceNode;
  readonly rows: readonly Row[];
  readonly crosses: boolean;
}

/**
 * Checks a stage at combinations of own matrix values, and what they have in common once. Errors that leave its cells
 * unknown go to `errors`.
 */
export function assigner(
  draft: StageDraft,
  context: ExpandContext,
  errors: string[],
): (combination: Combination) => Assignment {
  const settings = settingsAt(draft, context);
  const look =
    draft.kind === undefined ? referenceReader(draft, context) : looker(draft, draft.kind, context, errors);
  return ({ chosen, leftOut }) => {
    const coordinates = Object.fromEntries(
      draft.axes.map((axis, index) => [axis.name, chosen[index]?.name ?? '']),
    );
    const values = settings(chosen);
    return { chosen, leftOut, coordinates, with: values, ...look(chosen, values) };
  };
}

type Looked = Pick<Assignment, 'values' | 'wrong' | 'unread' | 'ports' | 'occurrences' | 'crosses'>;

const unlooked: Looked = {
  values: {},
  wrong: new Set(),
  unread: [],
  ports: [],
  occurrences: [],
  crosses: false,
};

/** Of a stage of an unknown kind, which that blocks: what is wrong with its references, whatever takes them. */
function referenceReader(
  draft: StageDraft,
  context: ExpandContext,
): (chosen: readonly AxisValue[], values: MapNode) => Looked {
  const diagnostics = withoutNotes(context.diagnostics);
  const read = once((entry: Entry) => {
    for (const node of everyNode(entry.value))
      if (node.kind === 'reference') readRows(draft.name, node, { ...context, diagnostics }, []);
    return true;
  });
  return (_, { entries }) => {
    for (const entry of entries) read(entry);
    return unlooked;
  };
}

/** What the kind of a stage says to its settings. */
function looker(
  draft: StageDraft,
  kind: StageKind,
  context: ExpandContext,
  errors: string[],
): (chosen: readonly AxisValue[], values: MapNode) => Looked {
  const { stages, diagnostics } = context;
  const check = valueChecker({ stage: draft.name, kind, node: draft.node, stages, diagnostics });
  const ports = portReader(portContext(draft, kind, context));
  const occurrencesAt = once((use: PortUse) => occurrencesOf(draft.name, use, context, errors));
  const fits = once((occurrence: Occurrence) => checkTypes(occurrence, context));
  return (chosen, values) => {
    const checked = check(values);
    const read = ports(values, checked.values);
    const found = read.uses.flatMap(occurrencesAt);
    const lost = read.uses.filter(
      (use) => use.kind === 'references' && occurrencesAt(use).length < use.nodes.length,
    );
    const unfit = found.filter((occurrence) => !fits(occurrence));
    const crossed = onOwnAxes(chosen, draft, found, context, errors);
    const occurrences = crossed.length === 0 ? found : found.filter((one) => !crossed.includes(one));
    const unread = [...lost.map(({ name }) => name), ...crossed.map(({ port }) => port)];
    return {
      values: checked.values,
      wrong: new Set([...checked.wrong, ...read.wrong, ...unread, ...unfit.map(({ port }) => port)]),
      unread,
      ports: read.uses,
      occurrences,
      crosses: occurrences.some(({ crosses }) => crosses),
    };
  };
}

function portContext(
  draft: StageDraft,
  kind: StageKind,
  context: ExpandContext,
): Omit<PortContext, 'values'> {
  const cellsOf = (stage: string): readonly DraftCell[] =>
    viewOf(context.expanded.get(stage), context.variant).cells;
  return {
    ...context,
    place: draft.place,
    node: draft.node,
    stage: draft.name,
    kind,
    root: context.root ?? dirname(context.file),
    candidates: (type) => candidates(type, context),
    makers: (type) => makersOf(type, context.registry),
    typeOf: ({ stage, output }) => {
      const known = outputsSeen(context.expanded.get(stage), context.variant);
      const other = known === undefined ? context.kindOf(stage) : undefined;
      return known?.[output]?.type ?? (other && usualOutputs(other)[output]);
    },
    unselectable: (reference) => {
      const parent = context.expanded.get(reference.stage);
      const read = parent?.kind === 'cells' ? readAcross(reference, parent, context.variant) : undefined;
      return read === undefined || read.ok ? [] : read.error;
    },
    gatherable: (stage) => gatherable(cellsOf(stage)),
  };
}

/** The same assignments in a variant that doesn't patch the stage: their references may read other cells. */
export function rereader(
  draft: StageDraft,
  context: ExpandContext,
  errors: string[],
): (before: Assignment) => Assignment {
  const again = once((occurrence: Occurrence): readonly Occurrence[] => {
    const read = readRows(draft.name, occurrence.node, context, errors);
    return read === undefined ? [] : [{ ...occurrence, ...read }];
  });
  const fits = once((occurrence: Occurrence) => checkTypes(occurrence, context));
  return (before) => {
    if (before.crosses) return before;
    const found = before.occurrences.flatMap(again);
    for (const occurrence of found) fits(occurrence);
    const crossed = onOwnAxes(before.chosen, draft, found, context, errors);
    const occurrences = crossed.length === 0 ? found : found.filter((one) => !crossed.includes(one));
    const lost = [...before.occurrences.filter((one) => again(one).length === 0), ...crossed];
    const unread = lost.map(({ port }) => port);
    return { ...before, occurrences, unread, wrong: new Set([...before.wrong, ...unread]) };
  };
}

/** References of the file that give an artifact of a type, in the order of the file. */
function candidates(type: InputPort['type'], { expanded }: ExpandContext): readonly string[] {
  return [...expanded].flatMap(([stage, found]) =>
    Object.entries(outputsSeen(found, undefined) ?? {})
      .filter(([, output]) => type === 'any' || output.type === type)
      .map(([name]) => `$${stage}.${name}`),
  );
}

/** Own axes (else all), and those that not every cell has: without them a gather would be ragged. Never `seed`. */
function gatherable(cells: readonly DraftCell[]): readonly string[] {
  const all = axesOf(cells).filter((name) => name !== 'seed');
  const own = (cells[0]?.draft.axes ?? []).map(({ name }) => name).filter((name) => name !== 'seed');
  const uneven = all.filter((name) => cells.some(({ coordinates }) => !(name in coordinates)));
  return own.length > 0 ? [...new Set([...own, ...uneven])] : all;
}

function occurrencesOf(stage: string, use: PortUse, context: ExpandContext, errors: string[]): Occurrence[] {
  if (use.kind === 'path') return [];
  const port = { name: use.name, type: use.port.type };
  return use.nodes.flatMap((node) => {
    const read = readRows(stage, node, context, errors, port);
    return read === undefined ? [] : [{ port: use.name, type: use.port.type, node, ...read }];
  });
}

/** An input by its name and what it takes. */
type Taker = Pick<Occurrence, 'type'> & { readonly name: string };

function readRows(
  stage: string,
  node: ReferenceNode,
  context: ExpandContext,
  errors: string[],
  taker?: Taker,
): Reading | undefined {
  const parent = context.expanded.get(node.reference.stage);
  if (parent === undefined) {
    const onCycle = context.stages.includes(node.reference.stage);
    const error = onCycle ? '' : reportUnknownStage(node, context);
    if (!onCycle) context.diagnostics.blocks(error, `\`${stage}\``);
    errors.push(error);
    return undefined;
  }
  if (parent.kind === 'blocked') {
    checkBlocked(node, parent, context, taker);
    for (const error of parent.errors) if (error !== '') context.diagnostics.blocks(error, `\`${stage}\``);
    errors.push(...parent.errors);
    return undefined;
  }
  const read = readAcross(node.reference, parent, context.variant);
  if (read.ok) return read.value;
  for (const found of read.error) errors.push(context.diagnostics.report(node, found));
  return undefined;
}

/** What is wrong with a reference to a stage whose cells are unknown. A variant may give it other outputs. */
function checkBlocked(
  node: ReferenceNode,
  { outputs }: Extract<Expanded, { kind: 'blocked' }>,
  context: ExpandContext,
  taker: Taker | undefined,
): void {
  if (outputs === undefined || context.variant !== undefined) return;
  const { type: found } = outputs[node.reference.output] ?? {};
  if (found === undefined)
    context.diagnostics.report(node, unknownOutput(node.reference, Object.keys(outputs)));
  else if (taker !== undefined && taker.type !== 'any' && taker.type !== found)
    reportType(node, taker, found, context);
}

export function reportUnknownStage(
  node: ReferenceNode,
  { diagnostics, stages }: Pick<ExpandContext, 'diagnostics' | 'stages'>,
): string {
  const { stage } = node.reference;
  return diagnostics.report(node, {
    code: 'unknown-stage',
    message: `no stage is named \`${stage}\``,
    part: { text: node.reference.text, from: 1, length: stage.length },
    ...meantStage(node.reference, stages),
  });
}

/** A stage, or what is no stage: `$param.alpha`, `$env.HOME`. */
function meantStage(
  { stage, output }: StageReference,
  stages: readonly string[],
): Pick<Finding, 'hint' | 'instead'> {
  const found = suggest(stage, stages, 'stages are');
  const special = nearest(stage, ['params', 'matrix']);
  if (found.instead === undefined && special !== undefined)
    return { hint: `did you mean \`$${special}.${output}\`?`, instead: special };
  if (stage === 'env') return { hint: variableHint(output) };
  return found;
}

/** Whether all that a reference reads is of the input's type. Unknown outputs pass: an earlier error stands there. */
function checkTypes({ port, type, node, rows }: Occurrence, context: ExpandContext): boolean {
  if (type === 'any') return true;
  const outputs = rows.flatMap((row) => row.items.map(({ cell }) => cell.outputs?.[node.reference.output]));
  const wrong = outputs.find((output) => output !== undefined && output.type !== type);
  if (wrong !== undefined) reportType(node, { name: port, type }, wrong.type, context);
  return wrong === undefined;
}

function reportType(node: ReferenceNode, { name, type }: Taker, found: string, context: ExpandContext): void {
  const others = candidates(type, context).filter((text) => text !== node.reference.text);
  context.diagnostics.report(node, {
    code: 'wrong-artifact',
    message: `\`${name}\` takes a ${type}, and \`${node.reference.text}\` is a ${found}`,
    hint:
      others.length === 0
        ? undefined
        : `write ${others
            .slice(0, 4)
            .map((text) => `\`${text}\``)
            .join(' or ')}`,
    instead: others.length === 1 ? others[0] : undefined,
  });
}

/** A reference inside a matrix value may not carry the axis that the value stands on; those that do. */
function onOwnAxes(
  chosen: readonly AxisValue[],
  draft: StageDraft,
  occurrences: readonly Occurrence[],
  { diagnostics }: ExpandContext,
  errors: string[],
): readonly Occurrence[] {
  const crossed: Occurrence[] = [];
  for (const [index, { name }] of draft.axes.entries()) {
    const value = chosen[index]?.node;
    if (value === undefined || !contains(value, 'reference')) continue;
    const places = [...everyNode(value)].map((node) => node.place);
    for (const occurrence of occurrences) {
      const { node, rows } = occurrence;
      if (!places.includes(node.place) || !axesOf(rows).includes(name)) continue;
      const { stage, output } = node.reference;
      crossed.push(occurrence);
      errors.push(
        diagnostics.report(
          { place: node.place, uses: [] },
          {
            code: 'self-axis',
            message: `\`${node.reference.text}\` carries the axis \`${name}\`, which its own value stands on`,
            hint: `name the axis otherwise, or gather it: \`$${stage}(${name}=*).${output}\``,
          },
        ),
      );
    }
  }
  return crossed;
}
