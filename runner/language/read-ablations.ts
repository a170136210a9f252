import { AblationSchema, keysOf } from '../../schemas/pipeline.js';
import type { Place } from '../pipeline.js';
import type { Context } from './context.js';
import type { NamedPatch, Patch, StageDraft, VariantDraft } from './draft.js';
import { leaveOneOut } from './leave-one-out.js';
import { describeNode, type Entry, type MapNode, type Node } from './nodes.js';
import { suggest } from './nearest.js';
import { stageKeys } from './read-stage.js';
import { valueName } from './reference.js';
import { expected, knownEntries } from './settings.js';

/** Variants of the file, in its order: patches of one name, under whatever stages, are one variant. */
export function readAblations(
  node: Node | undefined,
  stages: readonly StageDraft[],
  context: Context,
): readonly VariantDraft[] {
  if (node === undefined) return [];
  if (node.kind !== 'map') {
    expected(
      node,
      '`ablations` takes a map of stages',
      context,
      'write `ablations: {stage: {one_at_a_time: ...}}`',
    );
    return [];
  }
  const patches = node.entries.flatMap((entry) => readStageAblations(entry, stages, context));
  const variants = new Map<string, Map<string, Patch>>();
  const written = new Map<string, NamedPatch>();
  for (const patch of patches) {
    if (!isGoodName(patch, written.get(patch.variant.toLowerCase()), variants, context)) continue;
    written.set(patch.variant.toLowerCase(), patch);
    const variant = variants.get(patch.variant) ?? new Map<string, Patch>();
    variants.set(patch.variant, variant.set(patch.stage, patch));
  }
  return [...variants].map(([name, all]) => ({ name, patches: all }));
}

function readStageAblations(
  { key: name, keyPlace, value }: Entry,
  stages: readonly StageDraft[],
  context: Context,
): readonly NamedPatch[] {
  const stage = stages.find((one) => one.name === name);
  if (stage === undefined) {
    context.diagnostics.report(keyPlace, {
      code: 'unknown-stage',
      message: `no stage is named \`${name}\``,
      ...suggest(
        name,
        stages.map((one) => one.name),
        'stages are',
      ),
    });
    return [];
  }
  const entries = knownEntries(
    value,
    {
      keys: keysOf(AblationSchema),
      what: `\`ablations.${name}\``,
      elsewhere: () => ({ hint: 'name a variant under `one_at_a_time: {name: {setting: value}}`' }),
    },
    context,
  );
  const one = entries.get('one_at_a_time')?.value;
  const out = entries.get('leave_one_out')?.value;
  return [
    ...(one === undefined ? [] : oneAtATime(one, stage, context)),
    ...(out === undefined ? [] : leaveOneOut(out, stage, context)),
  ];
}

function oneAtATime(node: Node, stage: StageDraft, context: Context): readonly NamedPatch[] {
  if (node.kind === 'map') return node.entries.flatMap((entry) => readPatch(entry, stage, context));
  expected(node, '`one_at_a_time` takes a map of named patches', context, 'write `{name: {setting: value}}`');
  return [];
}

function readPatch(
  { key: variant, keyPlace: place, value }: Entry,
  stage: StageDraft,
  context: Context,
): readonly NamedPatch[] {
  if (value.kind === 'broken') return [];
  if (value.kind !== 'map' || value.entries.length === 0) {
    context.diagnostics.report(value, {
      code: 'wrong-type',
      message: `a patch takes a map of settings, found ${describeNode(value)}`,
      hint: `write \`${variant}: {setting: value}\``,
    });
    return [];
  }
  const settings = withSettingsOnly(value, stage, context);
  return settings.entries.length === 0 ? [] : [{ variant, stage: stage.name, place, settings }];
}

/** A patch changes what stands under `with`; other keys of a stage are refused, unless the kind has them, too. */
function withSettingsOnly(patch: MapNode, { kind }: StageDraft, { diagnostics }: Context): MapNode {
  const isSetting = (key: string): boolean =>
    kind === undefined || Object.hasOwn(kind.inputs, key) || Object.hasOwn(kind.with.properties, key);
  const entries = patch.entries.filter(({ key, keyPlace }) => {
    if (isSetting(key) || !(stageKeys as readonly string[]).includes(key)) return true;
    diagnostics.report(keyPlace, {
      code: 'patch-beside-with',
      message: `a patch changes \`with\` only, found \`${key}\``,
      hint:
        key === 'with' ? 'write the settings directly, without `with`' : 'write a stage of its own for that',
    });
    return false;
  });
  return { ...patch, entries };
}

function isGoodName(
  { variant, stage, place }: NamedPatch,
  before: NamedPatch | undefined,
  variants: ReadonlyMap<string, ReadonlyMap<string, Patch>>,
  { diagnostics }: Context,
): boolean {
  const related = before === undefined ? [] : [{ ...before.place, message: 'first written here' }];
  if (variant === 'base')
    return refuse(
      place,
      'reserved-name',
      '`base` is the file as it stands, and no variant',
      'choose another name',
    );
  if (!valueName.test(variant))
    return refuse(
      place,
      'bad-name',
      `${JSON.stringify(variant)} can't be the name of a variant`,
      'names are letters, digits and `._+-`, at most 64',
    );
  if (before !== undefined && before.variant !== variant)
    return refuse(
      place,
      'duplicate-name',
      `\`${variant}\` and \`${before.variant}\` differ in case only`,
      'write them alike where they are one variant, or rename one',
    );
  if (variants.get(variant)?.has(stage) === true)
    return refuse(
      place,
      'duplicate-name',
      `\`${variant}\` patches \`${stage}\` twice`,
      'rename one of the two; a variant has one patch of a stage',
    );
  return true;

  function refuse(at: Place, code: string, message: string, hint: string): false {
    diagnostics.report(at, { code, message, hint, related });
    return false;
  }
}
