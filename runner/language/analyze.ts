import { byCodeUnit, type JsonObject } from '../../schemas/json.js';
import type { Traits } from '../contract.js';
import type { Cell, CellId, Diagnostic, Origin, Pipeline, Variant } from '../pipeline.js';
import { cellId } from './cell-id.js';
import { applySets, readOption, setFile } from './command-line.js';
import type { Context } from './context.js';
import { Diagnostics } from './diagnostics.js';
import { type DraftCell, everyCell, type Expanded, viewOf } from './cells.js';
import type { StageDraft, VariantDraft } from './draft.js';
import { expandFile } from './expand-file.js';
import { expectedCalls, type TraitsOf } from './expected-calls.js';
import { isCommandLine } from './format-diagnostic.js';
import { plain } from './outputs.js';
import { contains, describeNode, type Entry, type MapNode, type Node, toJson } from './nodes.js';
import { once } from './once.js';
import type { AnalyzeOptions, Source } from './options.js';
import { type Known, type Outline, outlineOf } from './outline.js';
import { patchedPaths } from './patch.js';
import { readPresets } from './presets.js';
import type { JsonSchema } from './schema.js';
import { readParams } from './params.js';
import { readDocument } from './read-document.js';
import { readDraft } from './read-draft.js';
import { mergeResources } from './read-resources.js';

/** A pipeline where there was no error; errors and warnings in the order of the file. */
export interface Analysis {
  readonly pipeline?: Pipeline;
  /** Errors alone. */
  readonly diagnostics: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
  /** Names, stages and references with their places, whatever is wrong; made when it is asked for. */
  readonly outline: () => Outline | undefined;
}

/**
 * Text to checked pipeline, or all the errors of the file in its order. Pure: asks the disk only through
 * `options.exists`, and never throws for any text.
 */
export function analyze(source: Source, options: AnalyzeOptions): Analysis {
  const diagnostics = new Diagnostics(source);
  const known: Known[] = [];
  const pipeline = read(source, options, diagnostics, { loose: false, note: (found) => known.push(found) });
  const outline = (): Outline | undefined => {
    const [found = readLoosely(source, options)] = known.filter(({ root }) => !contains(root, 'broken'));
    return found && outlineOf(found);
  };
  const found = diagnostics.sorted();
  const warnings = diagnostics.sorted('warning');
  return found.length > 0 || pipeline === undefined
    ? { diagnostics: found, warnings, outline }
    : { pipeline, diagnostics: [], warnings, outline };
}

/** What can be told of a file though its syntax is broken: it is being typed. */
function readLoosely(source: Source, options: AnalyzeOptions): Known | undefined {
  const known: Known[] = [];
  read(source, options, new Diagnostics(source), { loose: true, note: (found) => known.push(found) });
  return known[0];
}

interface Reading {
  readonly loose: boolean;
  /** Is told what is known once the file is expanded. */
  readonly note: (known: Known) => void;
}

function read(
  source: Source,
  options: AnalyzeOptions,
  diagnostics: Diagnostics,
  { loose, note }: Reading,
): Pipeline | undefined {
  const document = readDocument(source, diagnostics, { loose });
  const written = document && checkRoot(document, diagnostics);
  if (written === undefined) return undefined;
  const { root, params: sets } = withSets(written, options.sets ?? {}, diagnostics);
  const preset = readPresets(root, options.preset, diagnostics);
  const given = { preset, options: options.params ?? {}, sets };
  const params = readParams(root, given, diagnostics);
  const context: Context = { diagnostics, registry: options.registry, params };
  const draft = readDraft(root, context);
  const remarks: string[] = [];
  const expanded = expandFile(draft, {
    ...context,
    diagnostics,
    file: source.file,
    workingFolder: options.workingFolder,
    exists: options.exists,
    isFolder: options.isFolder,
    root: options.root,
    remark: (text) => remarks.push(text),
  });
  note({ root, draft, expanded });
  if (diagnostics.count > 0) return undefined;
  const cells = draft.stages.flatMap(({ name }) => everyCell(expanded.get(name)));
  return {
    name: draft.name,
    experiment: draft.experiment,
    file: source.file,
    ...(options.root === undefined ? {} : { root: options.root }),
    params: toJsonMap(params),
    cells: cells.map(finisher(cells, expanded)),
    stages: draft.stages.map(({ name }) => name),
    onFailure: draft.onFailure,
    reproducible: draft.reproducible,
    variants: draft.variants.map((variant) => describeVariant(variant, draft.stages, expanded)),
    remarks,
    warnings: diagnostics.sorted('warning'),
  };
}

function checkRoot(document: Node, diagnostics: Diagnostics): MapNode | undefined {
  if (document.kind === 'map') return document;
  if (document.kind === 'broken') return undefined;
  diagnostics.report(document, {
    code: 'wrong-type',
    message: `a pipeline is a map, found ${describeNode(document)}`,
    hint: 'begin it with `name:` and `stages:`',
  });
  return undefined;
}

/** `--set params.x` changes a value, not a default: it wins over `-p` and is of the default's type. */
function withSets(
  root: MapNode,
  sets: Readonly<Record<string, string>>,
  diagnostics: Diagnostics,
): { readonly root: Node; readonly params: ReadonlyMap<string, Node> } {
  const isParam = (path: string): boolean => /^params\.[^.]+$/.test(path);
  const all = Object.entries(sets);
  const others = Object.fromEntries(all.filter(([path]) => !isParam(path)));
  const params = all
    .filter(([path]) => isParam(path))
    .map(([path, text]): readonly [string, Node] => {
      const name = path.slice('params.'.length);
      return [name, readOption(setFile(path), text, diagnostics)];
    });
  return { root: applySets(root, others, diagnostics), params: new Map(params) };
}

function describeVariant(
  { name, patches }: VariantDraft,
  stages: readonly StageDraft[],
  expanded: ReadonlyMap<string, Expanded>,
): Variant {
  const changed = [...patches].flatMap(([stage, { settings }]) => {
    const schema = stages.find((draft) => draft.name === stage)?.kind?.with as JsonSchema | undefined;
    return patchedPaths(settings, schema).map((path) => ({ stage, ...path }));
  });
  const cells = stages.flatMap((stage) => viewOf(expanded.get(stage.name), name).cells);
  const shared = cells.filter(({ variant }) => variant === undefined).map(({ id }) => id);
  return { name, shared, patches: changed };
}

/** Makes a cell of a draft of it; what several have in common is one object. */
function finisher(
  cells: readonly DraftCell[],
  expanded: ReadonlyMap<string, Expanded>,
): (cell: DraftCell) => Cell {
  const byId = new Map(cells.map((cell) => [cell.id, cell]));
  const traitsOf = (id: CellId, output: string): Traits => byId.get(id)?.outputs?.[output]?.traits ?? {};
  const originsAt = once(originsOf);
  return (cell) => finish(cell, { expanded, byId, traitsOf, originsAt });
}

interface Finishing {
  readonly expanded: ReadonlyMap<string, Expanded>;
  readonly byId: ReadonlyMap<CellId, DraftCell>;
  readonly traitsOf: TraitsOf;
  readonly originsAt: (settings: MapNode) => Cell['origins'];
}

function finish(cell: DraftCell, { expanded, byId, traitsOf, originsAt }: Finishing): Cell {
  const { draft, values, outputs, variant } = cell;
  const twin = cellId(cell.stage, cell.coordinates);
  const { kind } = draft;
  if (kind === undefined || values === undefined || outputs === undefined)
    throw new Error(`internal error: the cell ${cell.id} passed the checker unchecked; please report it`);
  return {
    id: cell.id,
    stage: cell.stage,
    coordinates: sortedByKey({
      ...cell.coordinates,
      ...(variant === undefined ? {} : { ablation: variant }),
    }),
    ...(variant !== undefined && byId.has(twin) ? { twin } : {}),
    kind: kind.name,
    with: values,
    inputs: cell.inputs,
    outputs: Object.fromEntries(Object.entries(outputs).map(([name, { type }]) => [name, type])),
    ...(cell.seed === undefined ? {} : { seed: cell.seed }),
    needs: needsOf(cell, expanded),
    env: namesOf(draft.env),
    secrets: namesOf(draft.secrets),
    resources: mergeResources(kind.resources?.(plain(values)) ?? {}, draft.resources),
    ...(draft.priority === undefined ? {} : { priority: draft.priority }),
    ...expectedCalls(kind, values, cell.inputs, traitsOf),
    ...(draft.timeout === undefined ? {} : { timeout: draft.timeout }),
    ...(draft.silence === undefined ? {} : { silence: draft.silence }),
    retries: draft.retries,
    place: draft.place,
    origins: originsAt(cell.with),
  };
}

const namesOf = once((all: StageDraft['env']) => all.map(({ name }) => name));

const sortedByKey = <T>(map: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(map).sort(([a], [b]) => byCodeUnit(a, b)));

function needsOf(cell: DraftCell, expanded: ReadonlyMap<string, Expanded>): readonly CellId[] {
  const read = Object.values(cell.inputs).flatMap((binding) => {
    if (binding.kind === 'gathered') return binding.items.map((item) => item.cell);
    return binding.kind === 'artifact' ? [binding.cell] : [];
  });
  const waited = cell.draft.needs.flatMap(({ name }) =>
    viewOf(expanded.get(name), cell.variant).cells.map(({ id }) => id),
  );
  return [...new Set([...read, ...waited])].sort(byCodeUnit);
}

/** Where each value under `with` is written, by its path: the literal, not the reference that brought it. */
function originsOf({ entries }: MapNode): Readonly<Record<string, Origin>> {
  return Object.assign({}, ...entries.map(entryOrigins)) as Readonly<Record<string, Origin>>;
}

const entryOrigins = once((entry: Entry) => originsAt(entry, entry.key));

function originsAt({ value }: Entry, path: string): Readonly<Record<string, Origin>> {
  const via = value.via ?? (isCommandLine(value.place.file) ? value.place.file : undefined);
  const own = { [path]: via === undefined ? value.place : { ...value.place, via } };
  const below = value.kind === 'map' ? value.entries : [];
  return Object.assign(own, ...below.map((entry) => originsAt(entry, `${path}.${entry.key}`))) as Readonly<
    Record<string, Origin>
  >;
}

const toJsonMap = (params: ReadonlyMap<string, Node>): JsonObject =>
  Object.fromEntries([...params].map(([name, node]) => [name, toJson(node) ?? null]));
