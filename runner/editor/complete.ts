/** What may follow a `$` that is being typed: params, axes, and what the stages give, the fitting first. */
import type { InputPort } from '../contract.js';
import type { Outline, StageOutline } from '../language/outline.js';
import { cursorAt, type Cursor } from './cursor.js';
import type { Point } from './places.js';

export interface Completion {
  /** The whole reference; it replaces the text from `from` to the cursor. */
  readonly text: string;
  readonly from: Point;
  readonly kind: 'param' | 'axis' | 'output' | 'selector';
  readonly detail: string;
  /** Smaller first. */
  readonly rank: number;
}

type Candidate = Omit<Completion, 'from'>;

/** A reference as far as it is typed: `$`, a name, selectors, an output. */
const typed = /(?:^|[\s[{,:"'])(\$(?:([a-z][\w-]*)(\([^()]*\)?)?(\.[\w-]*)?)?)$/;

export function completeAt(outline: Outline, text: string, at: Point): readonly Completion[] {
  const cursor = cursorAt(text, at);
  const [, whole, name = '', selectors, output] = typed.exec(cursor.before) ?? [];
  if (whole === undefined || cursor.before.trimStart().startsWith('#')) return [];
  const place = placeOf(outline, cursor);
  const from = { line: at.line, column: at.column - whole.length };
  const target = outline.stages.find((stage) => stage.name === name);
  const open = selectors !== undefined && !selectors.endsWith(')');
  const found =
    open && target !== undefined
      ? selectorsOf(target, `$${name}${selectors}`, cursor.after, place)
      : output !== undefined && target !== undefined
        ? outputsOf(target, `$${name}${selectors ?? ''}`, place)
        : everything(outline, place);
  return found.map((candidate) => ({ ...candidate, from }));
}

/** What is known of the place where a reference is typed. */
interface Typing {
  readonly stage?: StageOutline;
  /** The input, where one takes the value. */
  readonly port?: InputPort;
  /** No artifact can stand here: a setting, or a key outside of a stage's `with` and `matrix`. */
  readonly values: boolean;
  /** Whether `$matrix` is read here. */
  readonly axes: boolean;
}

function placeOf(outline: Outline, { path: [top, name, part, key] }: Cursor): Typing {
  const stage = top === 'stages' ? outline.stages.find((one) => one.name === name) : undefined;
  if (stage === undefined) return { values: top !== 'ablations', axes: top === 'ablations' };
  const inputs = stage.kind?.inputs;
  const port =
    part === 'with' && key !== undefined && inputs && Object.hasOwn(inputs, key) ? inputs[key] : undefined;
  const known = stage.kind !== undefined && part === 'with' && key !== undefined;
  return {
    stage,
    ...(port === undefined ? {} : { port }),
    values: port === undefined && (known || (part !== 'with' && part !== 'matrix')),
    axes: part === 'with',
  };
}

function everything(outline: Outline, place: Typing): readonly Candidate[] {
  const params = outline.params.map(({ name }): Candidate => {
    return {
      text: `$params.${name}`,
      kind: 'param',
      detail: 'param',
      rank: place.port === undefined ? 0 : 3,
    };
  });
  const axes = place.axes ? (place.stage?.ownAxes ?? []) : [];
  const own = axes.map(({ name }): Candidate => {
    return {
      text: `$matrix.${name}`,
      kind: 'axis',
      detail: 'own axis',
      rank: place.port === undefined ? 0 : 1,
    };
  });
  const stages =
    place.values || place.port?.path === 'only'
      ? []
      : outline.stages.filter(({ name }) => name !== place.stage?.name);
  const takesParams = place.port === undefined || (place.port.path ?? false) !== false;
  return [...(takesParams ? params : []), ...own, ...stages.flatMap((stage) => referencesTo(stage, place))];
}

/** References to the outputs of a stage; where a list is taken, those that gather. */
function referencesTo(stage: StageOutline, place: Typing): readonly Candidate[] {
  const list = place.port?.list ?? false;
  const gathers = [...(list === true ? [] : ['']), ...(list === false ? [] : gathersOf(stage))];
  return gathers.flatMap((selectors) => outputsOf(stage, `$${stage.name}${selectors}`, place));
}

/** Gathers of all axes, and of each own axis but `seed`, which makes replicates. */
function gathersOf({ ownAxes, axes }: StageOutline): readonly string[] {
  const own = ownAxes.map(({ name }) => `(${name}=*)`);
  return Object.keys(axes).length === 0 ? ['(*)'] : [...own, '(*)'];
}

/** Outputs after a stage; of another type than is taken only where none is of that type. */
function outputsOf(stage: StageOutline, head: string, { port }: Typing): readonly Candidate[] {
  const outputs = Object.entries(stage.outputs);
  const fitting =
    port === undefined || port.type === 'any' ? outputs : outputs.filter(([, type]) => type === port.type);
  return fitting.map(([output, type]) => ({
    text: `${head}.${output}`,
    kind: 'output',
    detail: `${type} of ${stage.name}`,
    rank: port === undefined ? 2 : 0,
  }));
}

/** Selectors for the axes that are not selected yet; closes what is open. */
function selectorsOf(stage: StageOutline, head: string, after: string, place: Typing): readonly Candidate[] {
  const begun = head.slice(0, Math.max(head.lastIndexOf(' '), head.indexOf('(')) + 1);
  const chosen = [...begun.matchAll(/([\w-]+)=/g)].map(([, axis]) => axis);
  const open = Object.entries(stage.axes).filter(([axis]) => !chosen.includes(axis));
  const [output] = outputsOf(stage, '', place);
  const tail = after.startsWith(')') ? '' : `)${output?.text ?? ''}`;
  const selector = (text: string, detail: string, rank: number): Candidate => {
    return { text: `${begun}${text}${tail}`, kind: 'selector', detail, rank };
  };
  const gathers = place.port === undefined || (place.port.list ?? false) !== false ? 0 : 4;
  return [
    ...open.map(([axis]) => selector(`${axis}=*`, `gathers ${axis}`, gathers)),
    ...(chosen.length === 0 && open.length > 0 ? [selector('*', 'gathers every axis', gathers)] : []),
    ...open.flatMap(([axis, names]) => names.map((name) => selector(`${axis}=${name}`, `picks ${axis}`, 1))),
  ];
}
