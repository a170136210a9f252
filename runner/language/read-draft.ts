import {
  DefaultsSchema,
  keysOf,
  limits,
  onFailure,
  PipelineSchema,
  reproducible,
} from '../../schemas/pipeline.js';
import type { Context } from './context.js';
import type { Draft, StageDraft, VariantDraft } from './draft.js';
import { written } from './edits.js';
import { type Entry, entryOf, type MapNode, type Node } from './nodes.js';
import { readAblations } from './read-ablations.js';
import { atTheTop, readSeeds, readStage, reportSecretsInEnv, type Shared, stageKeys } from './read-stage.js';
import { readResources } from './read-resources.js';
import { resolveSetting } from './resolve.js';
import {
  type Advice,
  expected,
  knownEntries,
  readCount,
  readExecutor,
  readOneOf,
  readRetries,
  readText,
  readTimeout,
} from './settings.js';

export const fileKeys = keysOf(PipelineSchema);

/** Reads every key of the file but `params` and `presets`, which are known before. */
export function readDraft(root: Node, context: Context): Draft {
  const entries = knownEntries(
    root,
    { keys: fileKeys, what: 'a pipeline', elsewhere: (one, map) => elsewhere(one, map, context) },
    context,
  );
  const value = (key: (typeof fileKeys)[number]): Node | undefined => {
    const node = entries.get(key)?.value;
    return node?.kind === 'broken' ? undefined : node;
  };
  const read = <T>(key: (typeof fileKeys)[number], of: (node: Node) => T): T | undefined => {
    const node = value(key);
    return node === undefined ? undefined : of(node);
  };
  const name = read('name', (node) => readText(resolveSetting(node, context), '`name`', context));
  if (root.kind === 'map' && !entries.has('name')) reportMissing(root, 'name', context);
  read('description', (node) => readText(node, '`description`', context));
  const seeds = read('seeds', (node) => readSeeds(node, context, { none: false }));
  const shared: Shared = {
    ...(seeds === undefined ? {} : { seeds }),
    ...readDefaults(value('defaults'), root, context),
    root,
    fileKeys,
  };
  read('executor', (node) => readExecutor(node, context));
  const stages = stageEntries(root, entries.get('stages'), context).map((entry) =>
    readStage(entry, shared, context),
  );
  reportSecretsInEnv(stages, context);
  const variants = readAblations(value('ablations'), stages, context);
  return {
    name: name ?? '',
    experiment:
      read('experiment', (node) => readText(resolveSetting(node, context), '`experiment`', context)) ??
      name ??
      '',
    onFailure:
      read('on_failure', (node) => readOneOf(node, onFailure, '`on_failure`', context)) ?? onFailure[0],
    maxCells:
      read('max_cells', (node) => readCount(node, { what: '`max_cells`', least: 1 }, context)) ??
      limits.cells,
    reproducible:
      read('reproducible', (node) => readOneOf(node, reproducible, '`reproducible`', context)) ??
      reproducible[0],
    variants,
    stages: stages.map((stage) => ({ ...stage, patches: patchesOf(stage.name, variants) })),
  };
}

const patchesOf = (stage: string, variants: readonly VariantDraft[]): StageDraft['patches'] =>
  new Map(
    variants.flatMap(({ name, patches }) => {
      const patch = patches.get(stage);
      return patch === undefined ? [] : [[name, patch] as const];
    }),
  );

const defaultsKeys: readonly string[] = keysOf(DefaultsSchema);

function elsewhere(entry: Entry, map: MapNode, { diagnostics }: Context): Advice | undefined {
  const { key } = entry;
  if (!(stageKeys as readonly string[]).includes(key)) return undefined;
  if (!defaultsKeys.includes(key)) return { hint: `\`${key}\` belongs in a stage` };
  const defaults = entryOf(map, 'defaults')?.value;
  const title = 'move it under `defaults`';
  const fix =
    defaults?.kind === 'map'
      ? diagnostics.edit.move(entry, map, defaults, title)
      : diagnostics.edit.wrap(entry, 'defaults', title);
  return { hint: `\`${key}\` belongs in a stage, or under \`defaults\` for all of them`, fixes: [fix] };
}

function readDefaults(
  node: Node | undefined,
  root: Node,
  context: Context,
): Pick<Shared, 'resources' | 'timeouts' | 'retries'> {
  if (node === undefined) return { resources: {}, retries: {} };
  const entries = knownEntries(
    node,
    {
      keys: defaultsKeys,
      what: '`defaults`',
      elsewhere: (one, map) =>
        (fileKeys as readonly string[]).includes(one.key)
          ? atTheTop(one, map, root, context)
          : (stageKeys as readonly string[]).includes(one.key)
            ? { hint: `\`${one.key}\` belongs in a stage` }
            : undefined,
    },
    context,
  );
  const resources = entries.get('resources')?.value;
  const timeout = entries.get('timeout')?.value;
  const retries = entries.get('retries')?.value;
  return {
    resources: resources === undefined ? {} : readResources(resources, context),
    ...(timeout === undefined ? {} : { timeouts: readTimeout(timeout, context) }),
    retries: retries === undefined ? {} : readRetries(retries, context),
  };
}

function stageEntries(root: Node, entry: Entry | undefined, context: Context): readonly Entry[] {
  if (entry === undefined) {
    if (root.kind === 'map') reportMissing(root, 'stages', context);
    return [];
  }
  if (entry.value.kind === 'map' && entry.value.entries.length > 0) return entry.value.entries;
  expected(
    entry.value,
    '`stages` takes a map of at least one stage',
    context,
    'write `stages: {name: {uses: kind, with: {...}}}`',
  );
  return [];
}

function reportMissing(root: Node, key: 'name' | 'stages', context: Context): void {
  const swallowed =
    root.kind === 'map' && (root.partial ?? root.entries.some(({ value }) => value.kind === 'broken'));
  if (root.kind !== 'map' || swallowed) return; // what is broken may well hold it
  context.diagnostics.report(
    { ...root.place, endLine: root.place.line, endColumn: root.place.column + 1 },
    {
      code: 'missing-key',
      message: `the file has no \`${key}\``,
      hint:
        key === 'name'
          ? 'begin it with `name: my-experiment`'
          : 'add `stages: {name: {uses: kind, with: {...}}}`',
      fixes: [
        key === 'name'
          ? context.diagnostics.edit.insert(root, `name: ${nameOf(root.place.file)}`)
          : undefined,
      ],
    },
  );
}

/** The name of a pipeline is that of its file, where nothing else is known. */
const nameOf = (file: string): string =>
  written(
    file
      .split(/[\\/]/)
      .at(-1)
      ?.replace(/\.ya?ml$/, '') ?? '',
  );
