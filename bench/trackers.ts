/** Processes that send runs to a server in the background. */
import { readdirSync, readFileSync } from 'node:fs';

/** Ends the tracker that a run left behind, as a machine that is turned off does. */
export function endTracker(run: string): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (command.includes(run) && command.includes('--follow')) process.kill(Number(pid), 'SIGKILL');
    } catch {
      // gone meanwhile
    }
}
