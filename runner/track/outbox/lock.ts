/** Two senders never send one run to one server at once: the lease of a key of its own, as cells have them. */
import { sha256 } from '../../../schemas/json.js';
import { toKey } from '../../store/index.js';
import type { Key } from '../../pipeline.js';

export function lockOf(run: string, address: string): Key {
  const key = toKey(sha256(`moft-track-1\0${address}\0${run}`));
  if (!key) throw new Error('internal error: a hash is no key; please report it');
  return key;
}
