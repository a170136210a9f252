/** Commands that outlived their runner and their worker: whoever takes a dead runner's work over ends them first. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Store } from '../store/index.js';
import { attemptsFolder, names } from '../store/layout.js';
import { identifyProcess, type ProcessIdentity } from '../store/process-identity.js';
import { endGroup, processFile } from './worker/workshop/group.js';

/** Ends what the runs of a dead runner left on this machine. What is on another one, its worker's end took with it. */
export async function endOrphans(store: Store, runner: string): Promise<void> {
  const self = identifyProcess();
  const runs = store.runs.list().filter((run) => store.runs.read(run)?.extra?.runner === runner);
  const orphans = runs.flatMap((run) => commandsOf(store.root, run));
  await Promise.all(orphans.map((group) => endGroup(group, self)));
}

function commandsOf(root: string, run: string): readonly ProcessIdentity[] {
  const attempts = attemptsFolder(root, run);
  return names(attempts)
    .map((cell) => join(attempts, cell))
    .flatMap((cell) =>
      names(cell).flatMap((attempt) => readIdentity(join(cell, attempt, processFile)) ?? []),
    );
}

function readIdentity(file: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ProcessIdentity;
  } catch {
    return undefined; // none of its commands was begun
  }
}
