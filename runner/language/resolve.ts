import type { Finding } from './diagnostics.js';
import type { Context } from './context.js';
import { brokenAt, listed, type Node, type ScalarNode, usedAt } from './nodes.js';
import { suggest } from './nearest.js';
import { parseReference } from './reference.js';
import { itemSchema, type JsonSchema, propertySchema } from './schema.js';

/** What `$params` and `$matrix` stand for where a node is. */
export interface Scope extends Context {
  /** Values of the stage's own axes; absent outside of `with`. */
  readonly matrix?: ReadonlyMap<string, Node>;
  /** Outputs of a stage, as far as they are known. */
  readonly outputs?: (stage: string) => readonly string[];
}

/**
 * Puts params and matrix values in the place of their references and takes `$$` for `$`; references to stages
 * become `reference` nodes. Fields that the schema marks `raw` are left as they are. A value keeps the place where
 * it is written and gains the place of the reference as a use.
 */
export function resolve(node: Node, scope: Scope, schema?: JsonSchema): Node {
  if (schema?.raw === true) return node;
  switch (node.kind) {
    case 'scalar':
      return isReferenceText(node) ? resolveScalar(node, scope) : node;
    case 'list':
      return {
        ...node,
        items: node.items.map((item, index) => resolve(item, scope, itemSchema(schema, index))),
      };
    case 'map':
      return {
        ...node,
        entries: node.entries.map((entry) => ({
          ...entry,
          value: resolve(entry.value, scope, propertySchema(schema, entry.key)),
        })),
      };
    case 'reference':
    case 'broken':
      return node;
  }
}

function isReferenceText(node: ScalarNode): node is ScalarNode & { value: string } {
  return typeof node.value === 'string' && node.value.startsWith('$');
}

function resolveScalar(node: ScalarNode & { value: string }, scope: Scope): Node {
  const parsed = parseReference(node.value);
  if (!parsed.ok) return refuse(node, scope, missingOutput(node.value, scope) ?? parsed.error);
  const reference = parsed.value;
  switch (reference.kind) {
    case 'text':
      return { kind: 'scalar', place: node.place, uses: node.uses, value: reference.text };
    case 'stage':
      return { kind: 'reference', place: node.place, uses: node.uses, reference };
    case 'params':
      return (
        named(scope.params.get(reference.name), node) ??
        refuse(node, scope, unknownParam(reference.name, scope))
      );
    case 'matrix':
      return (
        named(scope.matrix?.get(reference.name), node) ??
        refuse(node, scope, unknownAxis(reference.name, scope))
      );
  }
}

/** `$reference`: what its outputs are, where the stage is known. */
function missingOutput(text: string, { outputs }: Scope): Finding | undefined {
  const [, stage = ''] = /^\$([a-z][a-z0-9-]*)(?:\([^()]+\))?$/.exec(text) ?? [];
  const known = (outputs?.(stage) ?? []).map((output) => `${text}.${output}`);
  if (known.length === 0) return undefined;
  return {
    code: 'bad-reference',
    message: `\`${text}\` is no reference: the output is missing`,
    hint: `write ${listed(
      known.map((one) => `\`${one}\``),
      'or',
    )}`,
    instead: known.length === 1 ? known[0] : undefined,
  };
}

const named = (value: Node | undefined, node: ScalarNode): Node | undefined =>
  value === undefined ? undefined : usedAt(value, node.place);

function refuse(node: ScalarNode, scope: Scope, finding: Finding): Node {
  scope.diagnostics.report(node, finding);
  return brokenAt(node.place);
}

function unknownParam(name: string, { params }: Scope): Finding {
  return {
    code: 'unknown-param',
    message: `no param is named \`${name}\``,
    part: { text: `$params.${name}`, from: '$params.'.length, length: name.length },
    hint: `add it at the top: \`params: {${name}: ...}\``,
    ...suggest(name, params.keys(), 'params are'),
  };
}

function unknownAxis(name: string, { matrix }: Scope): Finding {
  if (matrix === undefined)
    return {
      code: 'unknown-axis',
      message: `\`$matrix.${name}\` means nothing here: it is read under \`with\` only`,
      hint: 'use a param',
    };
  return {
    code: 'unknown-axis',
    message: `the stage has no own axis \`${name}\``,
    part: { text: `$matrix.${name}`, from: '$matrix.'.length, length: name.length },
    hint: `add \`matrix: {${name}: [...]}\`; \`$matrix\` reads own axes only, a carried axis is read through its reference`,
    ...suggest(name, matrix.keys(), 'own axes are'),
  };
}

/** Resolves a setting, which takes params but no artifacts. */
export function resolveSetting(node: Node, context: Context): Node {
  const resolved = resolve(node, context);
  return withoutReferences(resolved, context);
}

function withoutReferences(node: Node, context: Context): Node {
  if (node.kind === 'list')
    return { ...node, items: node.items.map((item) => withoutReferences(item, context)) };
  if (node.kind === 'map') {
    const entries = node.entries.map((entry) => ({
      ...entry,
      value: withoutReferences(entry.value, context),
    }));
    return { ...node, entries };
  }
  if (node.kind !== 'reference') return node;
  context.diagnostics.report(node, {
    code: 'misplaced-reference',
    message: `\`${node.reference.text}\` stands where no artifact is taken`,
    hint: 'artifacts are read under `with` and in values of `matrix`; use `needs` to wait for a stage',
  });
  return brokenAt(node.place);
}
