import { hash } from 'node:crypto';

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/**
 * RFC 8785 (JCS) text of a JSON value: the only form that is ever hashed.
 * -0 becomes 0, and absent members are left out; NaN, infinities and lone surrogates never get here (the checker
 * refuses them). Ours because most of the time of a plan of hits is spent here; a test holds it to the package
 * `canonicalize`.
 */
export function canonicalJson(value: Json): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'number') return Number.isFinite(value) ? JSON.stringify(value) : refuse(value);
  if (typeof value === 'boolean' || value === null) return String(value);
  if (typeof value !== 'object') return refuse(value);
  return Array.isArray(value) ? `[${value.map(canonicalJson).join(',')}]` : canonicalMap(value as JsonObject);
}

function canonicalMap(map: JsonObject): string {
  let members = '';
  for (const name of Object.keys(map).sort()) {
    const member = map[name];
    if (member !== undefined) members += `${members && ','}${quoted(name)}:${canonicalJson(member)}`;
  }
  return `{${members}}`;
}

/** What JSON escapes, and halves of surrogate pairs. */
const special = /["\\\u0000-\u001f\ud800-\udfff]/;
const loneSurrogate = /\p{Surrogate}/u;

/** Text as JSON. JSON.stringify would escape half a surrogate pair, which has no canonical form. */
function quoted(text: string): string {
  if (!special.test(text)) return `"${text}"`;
  return loneSurrogate.test(text) ? refuse(text) : JSON.stringify(text);
}

function refuse(value: unknown): never {
  throw new Error(
    `internal error: ${JSON.stringify(value)} has no canonical JSON text and was to be hashed; please report it`,
  );
}

/** Lower-case hexadecimal SHA-256 of text (as UTF-8) or bytes. */
export function sha256(bytes: string | Uint8Array): string {
  return hash('sha256', bytes, 'hex');
}

/** Orders strings by UTF-16 code unit, the same on every machine and in every locale. */
export function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
