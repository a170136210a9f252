import { keysOf, limits, MatrixSchema, patterns, StageSchema } from '../../schemas/pipeline.js';
import type { Resources, StageKind } from '../contract.js';
import type { Cell, Fix, Place } from '../pipeline.js';
import type { Context } from './context.js';
import type { Patch, StageDraft } from './draft.js';
import { readMatrix } from './read-matrix.js';
import { describeNode, type Entry, entryOf, type MapNode, type Node } from './nodes.js';
import { numberMeant } from './meant.js';
import { suggest } from './nearest.js';
import { nameLike, stageName } from './reference.js';
import { mergeResources, readResources } from './read-resources.js';
import { resolveSetting } from './resolve.js';
import {
  type Advice,
  expected,
  knownEntries,
  meantEntry,
  readExecutor,
  readInteger,
  readTimeout,
  type Timeouts,
  readNames,
  readRetries,
  spaceMeant,
} from './settings.js';

export const stageKeys = keysOf(StageSchema);

/** What the file says for all stages. */
export interface Shared {
  readonly seeds?: readonly number[];
  readonly resources: Resources;
  readonly timeouts?: Timeouts;
  readonly retries: Cell['retries'];
  /** The file, to move a misplaced key there. */
  readonly root: Node;
  /** Keys of the file, to say where a misplaced key belongs. */
  readonly fileKeys: readonly string[];
}

/** Reads one stage. Errors are reported; those that leave its cells unknown are kept as handles. */
export function readStage(entry: Entry, shared: Shared, context: Context): StageDraft {
  const errors: string[] = [];
  const { key, keyPlace: place } = entry;
  if (!stageName.test(key) || key === 'params' || key === 'matrix')
    errors.push(reportName(key, place, context));
  // A name that can't be is read as the one that was meant, so that references to that hold.
  const name = stageName.test(key) ? key : (nameLike(key, stageName) ?? key);
  if (entry.value.kind !== 'map') return unreadable(entry, context);
  const node = entry.value;
  const kind = readKind(entry.value, name, place, context, errors);
  const entries = knownEntries(
    entry.value,
    {
      keys: stageKeys,
      what: 'a stage',
      elsewhere: (one, map) => belongs(one, map, { kind, shared, context }),
    },
    context,
  );
  const read = <T>(key: (typeof stageKeys)[number], of: (value: Node) => T): T | undefined => {
    const value = entries.get(key)?.value;
    return value === undefined || value.kind === 'broken' ? undefined : of(value);
  };
  const matrix = read('matrix', (axes) => readMatrix(axes, context, node));
  if (entries.get('matrix')?.value.kind === 'broken') errors.push('');
  errors.push(...(matrix?.errors ?? []));
  const seeds = stageSeeds(entry.value, kind, shared, context);
  read('executor', (node) => readExecutor(node, context));
  return {
    name,
    place,
    node: entry.value,
    ...(kind === undefined ? {} : { kind }),
    with: read('with', (node) => withMap(node, context)) ?? noValues(place, entries.has('with')),
    axes: matrix?.axes ?? [],
    exclude: matrix?.exclude ?? [],
    patches: new Map(),
    axesKnown: matrix?.known ?? entries.get('matrix') === undefined,
    ...(seeds === undefined ? {} : { seeds }),
    needs:
      read('needs', (node) =>
        readNames(node, { what: '`needs`', pattern: stageName, like: 'stage' }, context),
      ) ?? [],
    env: read('env', (node) => variables(node, '`env`', context)) ?? [],
    secrets: read('secrets', (node) => variables(node, '`secrets`', context)) ?? [],
    resources: mergeResources(
      shared.resources,
      read('resources', (node) => readResources(node, context)) ?? {},
    ),
    ...priorityOf(read('priority', (node) => readInteger(node, '`priority`', context))),
    ...shared.timeouts,
    ...read('timeout', (node) => readTimeout(node, context)),
    retries: { ...shared.retries, ...read('retries', (node) => readRetries(node, context)) },
    errors,
  };
}

const priorityOf = (priority: number | undefined): { readonly priority?: number } =>
  priority === undefined ? {} : { priority };

/** `broken`: what stands there could not be read. */
const noValues = (place: Place, broken = false): MapNode => ({
  ...{ kind: 'map', place, uses: [], entries: [] },
  ...(broken ? { partial: true } : {}),
});

function unreadable({ key: name, keyPlace: place, value }: Entry, context: Context): StageDraft {
  expected(
    value,
    `the stage \`${name}\` takes a map`,
    context,
    `write \`${name}: {uses: kind, with: {...}}\``,
  );
  const nothing = {
    axes: [],
    exclude: [],
    patches: new Map<string, Patch>(),
    axesKnown: false,
    needs: [],
    env: [],
    secrets: [],
    resources: {},
    retries: {},
  };
  return { name, place, node: value, with: noValues(place), ...nothing, errors: [''] };
}

function reportName(name: string, place: Place, context: Context): string {
  const reserved = name === 'params' || name === 'matrix';
  return context.diagnostics.report(place, {
    code: reserved ? 'reserved-name' : 'bad-name',
    message: `\`${name}\` can't be the name of a stage`,
    hint: reserved ? `\`$${name}.x\` means something else` : 'names are `[a-z][a-z0-9-]*`',
    instead: reserved ? `${name}-stage` : nameLike(name, stageName),
  });
}

function readKind(
  stage: MapNode,
  name: string,
  place: Place,
  { diagnostics, registry }: Context,
  errors: string[],
): StageKind | undefined {
  const uses = meantEntry(stage, 'uses', stageKeys)?.value;
  if (uses === undefined && stage.partial) {
    errors.push('');
    return undefined;
  }
  if (uses === undefined) {
    errors.push(
      diagnostics.report(place, {
        code: 'missing-key',
        message: `the stage \`${name}\` doesn't say what it \`uses\``,
        hint: `kinds are ${[...registry.keys()].map((kind) => `\`${kind}\``).join(', ')}`,
      }),
    );
    return undefined;
  }
  const text = uses.kind === 'scalar' && typeof uses.value === 'string' ? uses.value : undefined;
  const kind = text === undefined ? undefined : registry.get(text);
  if (kind !== undefined) return kind;
  if (uses.kind === 'broken') errors.push('');
  else
    errors.push(
      diagnostics.report(uses, {
        code: 'unknown-kind',
        message:
          text === undefined
            ? `\`uses\` takes the name of a kind, found ${describeNode(uses)}`
            : `no stage kind is named \`${text}\``,
        ...suggest(text ?? '', registry.keys(), 'kinds are'),
      }),
    );
  return undefined;
}

/** Where a key belongs that is none of a stage's. */
function belongs(
  entry: Entry,
  stage: MapNode,
  { kind, shared, context }: { kind: StageKind | undefined; shared: Shared; context: Context },
): Advice | undefined {
  const { key } = entry;
  const { edit } = context.diagnostics;
  if (kind !== undefined && (Object.hasOwn(kind.inputs, key) || Object.hasOwn(kind.with.properties, key))) {
    const values = entryOf(stage, 'with')?.value;
    const title = `move it under \`with\``;
    const fix =
      values === undefined
        ? edit.wrap(entry, 'with', title)
        : values.kind === 'map' && entryOf(values, key) === undefined
          ? edit.move(entry, stage, values, title)
          : undefined;
    return { hint: `\`${key}\` belongs under \`with\``, fixes: [fix] };
  }
  if ((keysOf(MatrixSchema) as readonly string[]).includes(key))
    return { hint: `\`${key}\` belongs under \`matrix\``, fixes: [intoMatrix(entry, stage, context)] };
  if (!shared.fileKeys.includes(key)) return undefined;
  return atTheTop(entry, stage, shared.root, context);
}

function intoMatrix(entry: Entry, stage: MapNode, { diagnostics: { edit } }: Context): Fix | undefined {
  const matrix = entryOf(stage, 'matrix')?.value;
  const title = 'move it under `matrix`';
  if (matrix === undefined) return edit.wrap(entry, 'matrix', title);
  const isFree = matrix.kind === 'map' && entryOf(matrix, entry.key) === undefined;
  return isFree ? edit.move(entry, stage, matrix, title) : undefined;
}

/** Advises to move a key to the top of the file. */
export function atTheTop(entry: Entry, from: MapNode, root: Node, { diagnostics }: Context): Advice {
  const free = root.kind === 'map' && entryOf(root, entry.key) === undefined;
  return {
    hint: `\`${entry.key}\` belongs at the top of the file`,
    fixes: [free ? diagnostics.edit.move(entry, from, root, 'move it to the top of the file') : undefined],
  };
}

function withMap(node: Node, context: Context): MapNode | undefined {
  if (node.kind === 'map') return node;
  expected(node, '`with` takes a map', context, spaceMeant(node));
  return undefined;
}

const variables = (node: Node, what: string, context: Context): StageDraft['env'] =>
  readNames(node, { what, pattern: new RegExp(patterns.variable), like: 'VARIABLE' }, context);

/** A variable that counts is kept with the result: what is a secret to one stage can't be that to another. */
export function reportSecretsInEnv(stages: readonly StageDraft[], { diagnostics }: Context): void {
  const secrets = stages.flatMap((stage) => stage.secrets.map((secret) => ({ stage, ...secret })));
  for (const stage of stages)
    for (const counted of stage.env) {
      const { name } = counted;
      const known = secrets.filter((secret) => secret.name === name);
      const secret = known.find((one) => one.stage === stage) ?? known[0];
      if (secret === undefined) continue;
      diagnostics.report(counted, {
        code: 'secret-in-env',
        message: `\`${name}\` stands in \`env\` and in \`secrets\`: what counts is kept with the result, a secret never is`,
        hint: 'remove one of the two; out of `env` its value is never shown',
        fixes: [diagnostics.edit.removeItem(counted.place, `remove \`${name}\` from \`env\``)],
        related: [{ ...secret.place, message: 'and it is a secret here' }],
      });
    }
}

/** The values of the axis `seed`: only what trains has replicates. */
function stageSeeds(
  stage: MapNode,
  kind: StageKind | undefined,
  shared: Shared,
  context: Context,
): readonly number[] | undefined {
  const trains = kind?.randomness === 'training' || kind?.randomness === 'declared';
  const entry = entryOf(stage, 'seeds');
  const node = entry?.value;
  if (node === undefined || node.kind === 'broken')
    return kind?.randomness === 'training' ? shared.seeds : undefined;
  const seeds = readSeeds(node, context, { none: true });
  if (kind === undefined || trains || seeds === undefined) return seeds;
  context.diagnostics.report(node, {
    code: 'misplaced-seeds',
    message: `\`${kind.name}\` doesn't train, so it has no replicates of its own`,
    hint: 'remove `seeds`; the stage carries the axis `seed` of the stages it refers to',
    fixes: [entry === undefined ? undefined : context.diagnostics.edit.remove(stage, entry)],
  });
  return undefined;
}

/** `seeds`: a count, a list, or (on a stage) false. */
export function readSeeds(
  node: Node,
  context: Context,
  { none }: { none: boolean },
): readonly number[] | undefined {
  const resolved = resolveSetting(node, context);
  const value = resolved.kind === 'scalar' ? resolved.value : undefined;
  if (none && value === false) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= limits.seeds)
    return Array.from({ length: value }, (_, seed) => seed);
  const what = `\`seeds\` takes a count from 1 to ${limits.seeds} or a list of integers from 0${none ? ', or `false`' : ''}`;
  if (resolved.kind === 'list' && resolved.items.length > 0)
    return listedSeeds(resolved.items, what, context);
  expected(
    resolved,
    what,
    context,
    numberMeant(resolved) ?? 'write `seeds: 3` for 0, 1 and 2, or `seeds: [0, 7]`',
  );
  return undefined;
}

function listedSeeds(items: readonly Node[], what: string, context: Context): readonly number[] {
  const seeds: number[] = [];
  for (const item of items) {
    const value = item.kind === 'scalar' ? item.value : undefined;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) expected(item, what, context);
    else if (seeds.includes(value))
      context.diagnostics.report(item, {
        code: 'duplicate-value',
        message: `the seed ${value} stands in \`seeds\` twice`,
        hint: 'remove one of the two',
        fixes: [context.diagnostics.edit.removeItem(item.place, `remove the second ${value}`)],
      });
    else seeds.push(value);
  }
  return seeds;
}
