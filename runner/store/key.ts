/** Keys: the hash of everything that decides a cell's result. */
import { canonicalJson, sha256, type JsonObject } from '../../schemas/json.js';
import type { Key } from '../pipeline.js';
import { isDigest } from './layout.js';

/** Tag and version of the fingerprint: another way to build preimages takes another tag. */
const tag = 'moft-cell-1\0';

/** Key of a preimage: sha256 of the tag and its RFC 8785 text. */
export function keyOf(preimage: JsonObject): Key {
  return keyOfText(canonicalJson(preimage));
}

/** Key of a preimage by its canonical text. */
export function keyOfText(text: string): Key {
  return sha256(tag + text) as Key;
}

/** A key that came from a file or a folder's name; undefined where it is none. */
export function toKey(text: unknown): Key | undefined {
  return isDigest(text) ? (text as Key) : undefined;
}
