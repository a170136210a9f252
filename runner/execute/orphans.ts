/** Commands that outlived their runner and their worker: whoever takes a dead runner's work over ends them first. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Store } from '../store/index.js';
import { attemptsFolder, names } from '../store/layout.js';
import { identifyProcess } from '../store/process-identity.js';
import { endGroup, processFile, type CommandGroup } from './worker/workshop/group.js';

/**
 * Ends what the runs of a dead runner left on this machine. What is on another one, its worker's end took with it.
 * Returns the groups that live on: of another user, stuck in the system, or maybe not the commands at all.
 */
export async function endOrphans(store: Store, runner: string): Promise<readonly number[]> {
  const self = identifyProcess();
  const runs = store.runs.list().filter((run) => store.runs.read(run)?.extra?.runner === runner);
  const orphans = runs.flatMap((run) => commandsOf(store.root, run));
  const ended = await Promise.all(orphans.map((group) => endGroup(group, self)));
  return orphans.filter((_, index) => ended[index] === false).map(({ pid }) => pid);
}

/** Of attempts that have not ended: the commands of others were over before they were. */
function commandsOf(root: string, run: string): readonly CommandGroup[] {
  const attempts = attemptsFolder(root, run);
  return names(attempts)
    .map((cell) => join(attempts, cell))
    .flatMap((cell) => names(cell).map((attempt) => join(cell, attempt)))
    .filter((attempt) => !existsSync(join(attempt, 'exit.json')))
    .flatMap((attempt) => readGroup(join(attempt, processFile)) ?? []);
}

function readGroup(file: string): CommandGroup | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as CommandGroup;
  } catch {
    return undefined; // none of its commands runs
  }
}
