/** Small disks and read-only ones, for tests that run as root where mounting is allowed. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const mount = (...args: readonly string[]): void => void execFileSync('mount', args, { stdio: 'pipe' });

export const unmount = (folder: string): void =>
  void execFileSync('umount', ['-l', folder], { stdio: 'pipe' });

/** What a test that did not come to its end has left mounted in a folder. */
export function unmountUnder(folder: string): void {
  if (!fs.existsSync('/proc/mounts')) return;
  const places = fs
    .readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '');
  for (const place of places.reverse()) if (place.startsWith(`${folder}/`)) unmount(place);
}

export const mountSmall = (folder: string, bytes: number): void =>
  mount('-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder);

/** Open files stay as they are; whatever is named from now on is on a disk that can't be written. */
export function makeReadOnly(folder: string): void {
  for (let tries = 1; ; tries += 1) {
    mount('--bind', folder, folder);
    try {
      mount('-o', 'remount,ro,bind', folder);
      return;
    } catch (error) {
      // The thread of the heartbeat opened its file between the two, and keeps it: once more, beside that.
      unmount(folder);
      if (tries === 100) throw error;
    }
  }
}

/** Why nothing can be mounted here; undefined where it can. */
export function mountTrouble(): string | undefined {
  const folder = fs.mkdtempSync(join(tmpdir(), 'moft-mount-'));
  try {
    mountSmall(folder, 1 << 20);
    makeReadOnly(folder);
    unmount(folder);
    unmount(folder);
    return undefined;
  } catch (error) {
    return `nothing can be mounted here (${String(error).split('\n')[0] ?? ''})`;
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}
