/** What is wrong with an event, in words of the one form that its type names. */
import type { TObject, TSchema } from 'typebox';
import { StageEventBody } from '../../../../schemas/protocol.js';
import { refused } from '../event-log.js';
import { validator } from '../../validate.js';

const forms: ReadonlyMap<string, TObject> = new Map(
  StageEventBody.anyOf.map((form) => [form.properties.type.const, form]),
);
const types = [...forms.keys()].join(', ');

/** To stand after the place of the line; undefined where the value is an event. */
export async function eventProblem(event: unknown): Promise<string | undefined> {
  if (typeof event !== 'object' || event === null || Array.isArray(event)) return 'is no JSON object';
  const fields = event as Readonly<Record<string, unknown>>;
  if (fields.type === undefined) return `has no \`type\`; it is one of ${types}`;
  const type = typeof fields.type === 'string' ? fields.type : '';
  const form = forms.get(type);
  if (!form) return `has \`type\` ${JSON.stringify(fields.type)}; it is one of ${types}`;
  const needed = form.required.filter((name) => name !== 'type');
  const missing = needed.filter((name) => fields[name] === undefined);
  const noun = `${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type}`;
  if (missing.length > 0)
    return `is not whole: ${noun} needs ${listed(needed)}; ${listed(missing)} ${missing.length === 1 ? 'is' : 'are'} missing`;
  for (const [name, schema] of Object.entries<TSchema>(form.properties)) {
    if (fields[name] === undefined) continue;
    const problem = (await validator(schema))(fields[name]);
    if (problem !== undefined)
      return `is wrong: \`${name}\` of ${noun} ${problem.replace(/^it\b/, '').trim()}, found ${JSON.stringify(fields[name])}${advice(schema, fields[name])}`;
  }
  const refusal = refused(event as StageEventBody);
  return refusal && `is wrong: ${refusal.message}`;
}

/** Of text where a number is taken: what to write. */
function advice({ type }: TSchema & { readonly type?: unknown }, found: unknown): string {
  if ((type !== 'number' && type !== 'integer') || typeof found !== 'string') return '';
  const isNumber = found.trim() !== '' && Number.isFinite(Number(found));
  return isNumber
    ? `: write ${found.trim()} without quotes`
    : ': text that is no number goes into an event `log` or `note`';
}

const listed = (names: readonly string[]): string =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`;
