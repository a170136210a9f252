import { patterns } from '../../schemas/pipeline.js';
import type { Result } from '../../schemas/result.js';
import { err, ok } from '../../schemas/result.js';
import type { Finding } from './diagnostics.js';
import { written } from './edits.js';
import { listed, type Selector, type StageReference } from './nodes.js';

/** What a scalar that begins with `$` is. */
export type Reference =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'params' | 'matrix'; readonly name: string }
  | StageReference;

export const stageName = new RegExp(patterns.stage);
export const plainName = new RegExp(patterns.name);
/** As variables of the environment are usually written. */
const variable = /^[A-Z][A-Z0-9_]*$/;
export const valueName = new RegExp(patterns.value);

/** A name that is allowed and reads alike: `Front` becomes `front`, `my_stage` becomes `my-stage`. */
export function nameLike(name: string, pattern: RegExp): string | undefined {
  const lower = name
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '');
  return [lower, lower.replaceAll('_', '-')].find((candidate) => pattern.test(candidate));
}

const shape = /^\$([A-Za-z_][\w-]*)(?:\(([^()]*)\))?((?:\.[^.\s(){}[\],]*)*)$/;

/** Reads a scalar that begins with `$`. It is exactly one reference, or begins `$$`; there is no interpolation. */
export function parseReference(text: string): Result<Reference, Finding> {
  if (text.startsWith('$$')) return ok({ kind: 'text', text: text.slice(1) });
  const match = shape.exec(text);
  if (match === null) return err(malformed(text));
  const [, name = '', selectors, path = ''] = match;
  const parts = path === '' ? [] : path.slice(1).split('.');
  if (name === 'params' || name === 'matrix') return parseName(name, { text, selectors, parts });
  if (variable.test(name) && parts.length === 0 && selectors === undefined)
    return err(wrong('the environment is not read', text, variableHint(name)));
  if (!stageName.test(name))
    return err(wrong(`\`${name}\` can't be the name of a stage`, text, namesOf.stage, renamed(text, name)));
  const [output = ''] = parts;
  if (parts.length !== 1 || !plainName.test(output)) return err(wrongOutput(name, selectors, parts, text));
  const selected = parseSelectors(selectors, text);
  return selected.ok ? ok({ kind: 'stage', stage: name, selectors: selected.value, output, text }) : selected;
}

function renamed(text: string, name: string): string | undefined {
  const like = nameLike(name, stageName);
  return like === undefined ? undefined : `$${like}${text.slice(1 + name.length)}`;
}

const namesOf = {
  stage: 'names of stages are `[a-z][a-z0-9-]*`',
  name: 'names are `[a-z][a-z0-9_-]*`',
};

const wrong = (message: string, text: string, hint: string, instead?: string): Finding => ({
  code: 'bad-reference',
  message: `\`${text}\` is no reference: ${message}`,
  hint,
  instead,
});

function parseName(
  kind: 'params' | 'matrix',
  { text, selectors, parts }: { text: string; selectors: string | undefined; parts: readonly string[] },
): Result<Reference, Finding> {
  const [name = ''] = parts;
  if (selectors !== undefined)
    return err(
      wrong(
        `\`$${kind}\` takes no selector`,
        text,
        `write \`$${kind}.${name || 'name'}\``,
        name === '' ? undefined : `$${kind}.${name}`,
      ),
    );
  if (parts.length !== 1 || name === '')
    return err(
      wrong(
        `one name follows \`$${kind}.\``,
        text,
        `write \`$${kind}.${name || 'name'}\`; a reference goes no deeper`,
      ),
    );
  return ok({ kind, name });
}

/** The environment is no part of a file, so that the same file is the same experiment everywhere. */
export const variableHint = (name: string): string =>
  `a reference reads no variable: pass it to a param, \`-p name="$${name}"\`, or to a command, \`env: [${name}]\` beside \`uses\``;

function wrongOutput(
  stage: string,
  selectors: string | undefined,
  parts: readonly string[],
  text: string,
): Finding {
  const head = `$${stage}${selectors === undefined ? '' : `(${selectors})`}`;
  if (parts.length === 0)
    return wrong(
      'the output is missing',
      text,
      `write \`${head}.output\`, or \`$$${text.slice(1)}\` if text is meant`,
    );
  const [first = 'output', second = ''] = parts;
  if (stage === 'env' && parts.length === 1 && variable.test(first))
    return wrong('the environment is not read', text, variableHint(first));
  if (stage === 'stages' && parts.length === 2)
    return wrong('a stage is named at once', text, `write \`$${first}.${second}\``, `$${first}.${second}`);
  if (parts.length > 1)
    return wrong(
      'one output follows a stage',
      text,
      `write \`${head}.${first}\`; a reference goes no deeper`,
      `${head}.${first}`,
    );
  return wrong('the name of the output is missing or wrong', text, namesOf.name);
}

function malformed(text: string): Finding {
  const escape = `write \`$${text}\` if text is meant`;
  const inner = /^\$\{\{? *\$?([\w-]+\.[\w-]+) *\}?\}$/.exec(text)?.[1];
  if (inner !== undefined)
    return wrong('there is no interpolation', text, `write \`$${inner}\``, `$${inner}`);
  if (/^\$[\w-]+\{|^\$\{/.test(text))
    return wrong(
      'there is no interpolation',
      text,
      `write \`$params.name\` as the whole value, or ${escape}`,
    );
  if (/^\$[\w-]+\([^)]*$/.test(text)) {
    const closed = /^[^.]*\.[^.]*$/.test(text) ? text.replace('.', ').') : undefined;
    const hint =
      closed === undefined ? 'close it, as in `$expert(reward=nli).policy`' : `write \`${closed}\``;
    return wrong('the `(` is not closed', text, hint, closed);
  }
  if (/^\$[\w-]+(\([^)]*\))?\.[\w-]+[^\w]/.test(text))
    return wrong(
      'a reference is the whole value, and there is no interpolation',
      text,
      `${escape}; to build text from parts, write it out or generate the file`,
    );
  return {
    code: 'bad-reference',
    message: `a value that begins with \`$\` is a reference, and \`${text.slice(0, 60)}\` is none`,
    hint: escape,
    instead: written(`$${text}`),
  };
}

function parseSelectors(text: string | undefined, whole: string): Result<readonly Selector[], Finding> {
  if (text === undefined) return ok([]);
  if (text.includes(',')) return err(commaFinding(text, whole));
  const parts = text.split(/\s+/).filter((part) => part !== '');
  if (parts.length === 0)
    return err(
      wrong(
        'the selector is empty',
        whole,
        'write `(axis=value)`, `(axis=*)` or `(*)`, or leave it out',
        whole.replace(/\([^)]*\)/, ''),
      ),
    );
  const selectors: Selector[] = [];
  for (const part of parts) {
    const selector = parseSelector(part, whole);
    if (!selector.ok) return selector;
    selectors.push(selector.value);
  }
  return checkTogether(selectors, whole);
}

/** What a comma in selectors was meant to do: to separate them, or to pick several values of an axis. */
export function commaFinding(selectors: string, whole: string): Finding {
  const parts = selectors.split(/[\s,]+/).filter((part) => part !== '');
  const mended = (written: readonly string[]): string =>
    whole.replace(/\([^()]*\)/, `(${written.join(' ')})`);
  const bare = parts.findIndex((part) => part !== '*' && !part.includes('='));
  if (bare < 0)
    return {
      code: 'selector-comma',
      message: 'selectors are separated by spaces, found a comma',
      hint: `write \`${mended(parts)}\``,
      instead: mended(parts),
    };
  const before = parts[bare - 1];
  if (before === undefined) return noSelector(parts[bare] ?? '', whole);
  const axis = before.replace(/=.*$/, '');
  const named = parts.filter((part) => part === '*' || part.includes('='));
  const gathering = named.map((part) => (part === before ? `${axis}=*` : part));
  const picks = [before, ...parts.slice(bare).filter((part) => part !== '*' && !part.includes('='))]
    .map((part) => part.replace(/^.*=/, ''))
    .map((value) => mended(named.map((part) => (part === before ? `${axis}=${value}` : part))));
  const list = `[${picks.join(', ')}]`;
  return {
    code: 'pick-several',
    message: `a pick takes one value, found several of \`${axis}\``,
    hint: `write a list, \`${list}\`, or gather all, \`${mended(gathering)}\``,
    instead: list,
  };
}

const noSelector = (part: string, whole: string): Finding =>
  wrong(
    `\`${part}\` is no selector`,
    whole,
    'a selector is `axis=value` (pick), `axis=*` (gather) or `*` (gather all)',
  );

function parseSelector(part: string, whole: string): Result<Selector, Finding> {
  if (part === '*') return ok({ kind: 'gather-all' });
  const match = /^([^=]+)=(.+)$/.exec(part);
  const [, axis = '', value = ''] = match ?? [];
  if (!plainName.test(axis) || (value !== '*' && !valueName.test(value))) return err(noSelector(part, whole));
  return ok(value === '*' ? { kind: 'gather', axis } : { kind: 'pick', axis, value });
}

function checkTogether(selectors: readonly Selector[], whole: string): Result<readonly Selector[], Finding> {
  const axes = selectors.flatMap((selector) => (selector.kind === 'gather-all' ? [] : [selector.axis]));
  const twice = axes.filter((axis, index) => axes.indexOf(axis) !== index);
  if (twice.length > 0)
    return err(
      wrong(
        `${listed(twice.map((axis) => `\`${axis}\``))} is selected twice`,
        whole,
        'select each axis once',
        once(selectors, whole),
      ),
    );
  return ok(selectors);
}

/** The same selection with what is said twice said once; undefined where it says different things. */
function once(selectors: readonly Selector[], whole: string): string | undefined {
  const texts = [...new Set(selectors.map(selectorText))];
  const axes = texts.map((text) => text.replace(/=.*/, ''));
  return new Set(axes).size < axes.length ? undefined : whole.replace(/\([^()]*\)/, `(${texts.join(' ')})`);
}

/** A selector as it is written. */
export function selectorText(selector: Selector): string {
  if (selector.kind === 'gather-all') return '*';
  return `${selector.axis}=${selector.kind === 'gather' ? '*' : selector.value}`;
}
