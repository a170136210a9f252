import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/**
 * RFC 8785 (JCS) text of a JSON value: the only form that is ever hashed.
 * -0 becomes 0; NaN, infinities and lone surrogates never get here (the checker refuses them).
 */
export function canonicalJson(value: Json): string {
  const text = canonicalize(value);
  if (text === undefined)
    throw new Error('internal error: a value without JSON text was to be hashed; please report it');
  return text;
}

/** Lower-case hexadecimal SHA-256 of text (as UTF-8) or bytes. */
export function sha256(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Orders strings by UTF-16 code unit, the same on every machine and in every locale. */
export function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
