/** Whether the runner of a run still lives, for who only reads the store and has no time to watch heartbeats. */
import { isRunName, readJson, runnerFile } from './layout.js';
import { identifyProcess, isSurelyDead, type ProcessIdentity } from './process-identity.js';

/** Where a runner's process is, as it wrote itself; undefined where it has left. */
export function runnerIdentity(root: string, runner: string): ProcessIdentity | undefined {
  return isRunName(runner)
    ? ((readJson(runnerFile(root, runner)) as ProcessIdentity | null | undefined) ?? undefined)
    : undefined;
}

/**
 * True where a runner left the store, or its process surely ended on this host. A runner on another host that was
 * killed can't be told from a living one at a glance, and counts as living.
 */
export function isRunnerGone(root: string, runner: string): boolean {
  if (!isRunName(runner)) return false;
  const identity = runnerIdentity(root, runner);
  return !identity || isSurelyDead(identity, identifyProcess());
}
