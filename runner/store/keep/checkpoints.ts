/** Checkpoints that nobody will go on from. */
import fs from 'node:fs';
import path from 'node:path';
import { furthestStep, namesIn } from '../checkpoint-folders.js';
import type { Context } from '../context.js';
import { isDigest } from '../layout.js';
import { weigh } from './inventory.js';
import { oldestRunner } from './live.js';
import type { CheckpointFamily, Checkpoints } from './types.js';

/**
 * Of the families of finished cells, all that a longer training would not go on from; of the others nothing. While a
 * run may live, nothing at all: it could be reading any of them.
 *
 * @param cutoff milliseconds; what is younger stays
 */
export function weighCheckpoints(
  { root, runner }: Context,
  finished: readonly CheckpointFamily[],
  cutoff: number,
): Checkpoints {
  const folder = path.join(root, 'checkpoints');
  const families = oldestRunner(root, runner) === undefined ? finished : [];
  const goesOn = new Map<string, boolean>();
  for (const family of families) goesOn.set(family.name, family.goesOn || goesOn.get(family.name) === true);
  const superseded = [...goesOn]
    .filter(([name]) => isDigest(name))
    .flatMap(([name, on]) => supersededIn(path.join(folder, name), on))
    .filter((file) => isOlder(file, cutoff))
    .map((file) => ({ path: file, bytes: weigh(file).bytes }));
  const going = superseded.reduce((sum, { bytes }) => sum + bytes, 0);
  return { superseded, keptBytes: weigh(folder).bytes - going };
}

function supersededIn(family: string, goesOn: boolean): readonly string[] {
  if (!fs.existsSync(family)) return [];
  if (!goesOn) return [family];
  return namesIn(family).flatMap((numeric) => {
    const shared = path.join(family, numeric);
    const kept = furthestStep(shared, Infinity)?.folder;
    return namesIn(shared).flatMap((attempt) => {
      const all = namesIn(path.join(shared, attempt)).map((name) => path.join(shared, attempt, name));
      // A try without the one that stays goes as a whole.
      return kept !== undefined && all.includes(kept)
        ? all.filter((file) => file !== kept)
        : [path.join(shared, attempt)];
    });
  });
}

/** Whether nothing in it is younger. */
function isOlder(file: string, cutoff: number): boolean {
  const stat = fs.lstatSync(file, { throwIfNoEntry: false });
  if (!stat || stat.mtimeMs >= cutoff) return false;
  return !stat.isDirectory() || namesIn(file).every((name) => isOlder(path.join(file, name), cutoff));
}
