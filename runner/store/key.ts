/** Keys: the hash of everything that decides a cell's result. */
import { byCodeUnit, canonicalJson, sha256, type Json, type JsonObject } from '../../schemas/json.js';
import type { Key } from '../pipeline.js';
import { isDigest } from './layout.js';

/** Tag and version of the fingerprint: another way to build preimages takes another tag. */
const tag = 'moft-cell-1\0';

/** Key of a preimage: sha256 of the tag and its RFC 8785 text. */
export function keyOf(preimage: JsonObject): Key {
  return sha256(tag + canonicalJson(preimage)) as Key;
}

/** A key that came from a file or a folder's name; undefined where it is none. */
export function toKey(text: unknown): Key | undefined {
  return isDigest(text) ? (text as Key) : undefined;
}

/**
 * A copy in which -0 is 0, absent members are absent and members are sorted: what is hashed, stored and handed to a
 * worker is the same. Canonical text forgets the order in which members were written, so a stage must never see it.
 */
export function normalized(value: Json): Json {
  if (typeof value === 'number') return value === 0 ? 0 : value;
  if (Array.isArray(value)) return value.map(normalized);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value as JsonObject)
      .filter(([, member]) => (member as Json | undefined) !== undefined)
      .sort(([a], [b]) => byCodeUnit(a, b))
      .map(([name, member]) => [name, normalized(member)]),
  );
}
