import { readFileSync } from 'node:fs';
import { sha256 } from '../schemas/json.js';

/** Of a pipeline file as it stands now: a run keeps it, so that a reader can tell whether the file has changed since. */
export function fileDigest(file: string): string | undefined {
  try {
    return sha256(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
