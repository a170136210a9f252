/** What becomes of the checkpoints of an attempt that is over: only its runner knows what its result is worth. */
import { join } from 'node:path';
import { removeFolder, removeSpent, removeTry } from '../store/checkpoint-folders.js';
import { toProblem } from '../store/index.js';
import type { CheckpointFamily } from '../plan/index.js';
import type { Key } from '../pipeline.js';

export interface AttemptCheckpoints {
  /** Where they lie. */
  readonly folder: string;
  /** The result is kept: what nobody can go on from any more goes. */
  spent(): void;
  /** A try's own were made of bytes that are not those of the key, or may have been: nobody may go on from them. */
  distrust(name: string): void;
}

/** @param family undefined where the cell shares its checkpoints with none: they are those of its key */
export function attemptCheckpoints(
  root: string,
  key: Key,
  family: CheckpointFamily | undefined,
): AttemptCheckpoints {
  const folder = join(root, 'checkpoints', family?.name ?? key);
  return {
    folder,
    spent: () => tidy(() => removeSpent(folder, family?.most)),
    // Those of a key lie as its command wants them, which goes on in place: tries can't be told apart.
    distrust: (name) => tidy(() => (family ? removeTry(folder, name) : removeFolder(folder))),
  };
}

/** What can't be removed is in nobody's way: `moft gc` takes it. */
function tidy(work: () => void): void {
  try {
    work();
  } catch (error) {
    toProblem(error); // throws on what is no fault of the disk
  }
}
