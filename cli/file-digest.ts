import { readFileSync } from 'node:fs';
import { sha256 } from '../schemas/json.js';

/** Of a pipeline file as it stands now; a run keeps the one of the text that it is of, so that a change is seen. */
export function fileDigest(file: string): string | undefined {
  try {
    return sha256(new TextDecoder().decode(readFileSync(file)));
  } catch {
    return undefined;
  }
}
