import type { Context } from './context.js';
import type { NamedPatch, StageDraft } from './draft.js';
import { describeNode, entryOf, type ListNode, type Located, type Node } from './nodes.js';
import { suggest } from './nearest.js';
import { parseReference } from './reference.js';
import { resolve } from './resolve.js';
import type { JsonSchema } from './schema.js';
import { expected, readNames } from './settings.js';

/** `leave_one_out: [rewards]`: a variant without each name of a list (`rewards-without-nli`). */
export function leaveOneOut(node: Node, stage: StageDraft, context: Context): readonly NamedPatch[] {
  const pattern = /^[A-Za-z_][\w-]*$/;
  const keys = readNames(node, { what: '`leave_one_out`', pattern, like: 'rewards' }, context);
  return keys.flatMap((key) => withoutEach(key, stage, context));
}

function withoutEach(
  key: Located & { readonly name: string },
  stage: StageDraft,
  context: Context,
): readonly NamedPatch[] {
  const list = listAt(key, stage, context);
  if (list === undefined) return [];
  const names = list.items.map(nameOf);
  if (list.items.some(({ kind }) => kind === 'broken')) return [];
  if (names.includes(undefined)) {
    context.diagnostics.report(key, {
      code: 'leave-one-out',
      message: `\`leave_one_out\` takes a list of names, and \`${key.name}\` holds other things`,
      hint: 'write the variants under `one_at_a_time`',
      related: [{ ...list.place, message: `it is ${describeNode(list)}` }],
    });
    return [];
  }
  return list.items.map((left, index) => {
    const items = list.items.filter((item) => item !== left);
    const value: ListNode = { kind: 'list', place: key.place, uses: [], items };
    const entry = { key: key.name, keyPlace: key.place, value };
    return {
      variant: `${key.name}-without-${names[index] ?? ''}`,
      stage: stage.name,
      place: key.place,
      settings: { kind: 'map', place: key.place, uses: [], entries: [entry] },
    };
  });
}

const nameOf = (node: Node): string | undefined =>
  node.kind === 'scalar' && typeof node.value === 'string' ? node.value : undefined;

/** The list that a setting holds, params put in; its items must be the same in all cells of the stage. */
function listAt(
  key: Located & { readonly name: string },
  { name: stage, kind, with: settings }: StageDraft,
  context: Context,
): ListNode | undefined {
  const schema = kind?.with as JsonSchema | undefined;
  const written = entryOf(settings, key.name)?.value;
  if (written === undefined) {
    const known = settings.entries.filter(({ value }) => value.kind === 'list').map((entry) => entry.key);
    context.diagnostics.report(key, {
      code: 'unknown-path',
      message: `\`${stage}\` has no \`${key.name}\` under \`with\` to leave names out of`,
      ...suggest(key.name, known, 'lists are'),
    });
    return undefined;
  }
  if ([written, ...(written.kind === 'list' ? written.items : [])].some(readsMatrix)) {
    context.diagnostics.report(key, {
      code: 'leave-one-out',
      message: `\`${key.name}\` of \`${stage}\` is another list in each cell, so no one name can be left out of it`,
      hint: 'write the variants as values of the axis that decides it',
    });
    return undefined;
  }
  const list = resolve(written, context, schema?.properties?.[key.name]);
  if (list.kind === 'list') return list;
  if (list.kind !== 'broken')
    expected(
      { ...list, ...key },
      `\`leave_one_out\` takes a list of names, and \`${key.name}\` is none`,
      context,
    );
  return undefined;
}

function readsMatrix(node: Node): boolean {
  if (node.kind !== 'scalar' || typeof node.value !== 'string' || !node.value.startsWith('$')) return false;
  const reference = parseReference(node.value);
  return reference.ok && reference.value.kind === 'matrix';
}
