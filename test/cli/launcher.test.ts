import { execFileSync, spawnSync } from 'node:child_process';
import fs, { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { storeRoot } from '../../cli/load.js';
import type { CliHost } from '../../cli/host.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const builder = new URL('../../bin/build.js', import.meta.url).href;
const { takeLock } = (await import(/* @vite-ignore */ builder)) as {
  readonly takeLock: (path: string) => (() => void) | undefined;
};
const launcher = join(root, 'bin', 'moft.js');

describe('the launcher', () => {
  it('builds once, then starts at once', () => {
    execFileSync(process.execPath, [launcher, '--version'], { stdio: 'pipe' });
    const again = spawnSync(process.execPath, [launcher, '--version'], { encoding: 'utf8' });
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    expect(again.stdout).toContain(`moft/${version}`);
    expect(again.stderr).toBe('');
    expect(again.status).toBe(0);
  });
});

describe('the lock of a build', () => {
  it('that a dead process holds is taken by one of two starts that find it so', () => {
    const folder = mkdtempSync(join(tmpdir(), 'moft-lock-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const lock = join(folder, 'lock');
    const script = `import { takeLock } from ${JSON.stringify(builder)}; takeLock(${JSON.stringify(lock)})`;
    execFileSync(process.execPath, ['--input-type=module', '-e', script]);
    let rival: (() => void) | undefined;
    const remove = fs.rmSync;
    // Between the look at the dead owner and the removal of its lock another start does all of it.
    const spy = vi.spyOn(fs, 'rmSync').mockImplementation((path, options) => {
      if (rival === undefined && String(path).startsWith(`${lock}/`)) {
        spy.mockRestore();
        expect(takeLock(lock)).toBeUndefined();
        rival = takeLock(lock);
      }
      remove(path, options);
    });
    expect(takeLock(lock)).toBeUndefined();
    expect(rival).toBeDefined();
    expect(takeLock(lock)).toBeUndefined();
    rival?.();
    expect(readdirSync(folder)).toEqual([]);
    takeLock(lock)?.();
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('the store', () => {
  it('is in the nearest folder above that has a mark, else beside the file, else where MOFT_HOME says', () => {
    const top = mkdtempSync(join(tmpdir(), 'moft-root-'));
    try {
      const host = (env: Record<string, string> = {}) => ({ env, cwd: top }) as unknown as CliHost;
      const deep = join(top, 'a', 'b');
      mkdirSync(deep, { recursive: true });
      mkdirSync(join(top, '.git'));
      expect(storeRoot(deep, host())).toBe(join(top, '.moft'));
      mkdirSync(join(top, 'a', '.moft'));
      expect(storeRoot(deep, host())).toBe(join(top, 'a', '.moft'));
      expect(storeRoot(deep, host({ MOFT_HOME: 'elsewhere' }))).toBe(join(top, 'elsewhere'));
      expect(storeRoot(deep, host({ MOFT_HOME: '' }))).toBe(join(top, 'a', '.moft'));
    } finally {
      rmSync(top, { recursive: true });
    }
  });
});
