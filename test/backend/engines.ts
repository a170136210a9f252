/** Real `moft backend` commands, with a folder of engines of the test's own. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../bin/moft.js', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function backend(args: readonly string[], env: Readonly<Record<string, string>>): Ended {
  const ran = spawnSync(process.execPath, [program, 'backend', ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  return { code: ran.status, stdout: ran.stdout, stderr: ran.stderr };
}
