/** Which processes count as gone, and what may be ended by the number that one had. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { stopServer } from '../../cli/server/start.js';
import { keepServer, serverFolder } from '../../cli/server/state.js';
import { isGroupAlive, signalGroup } from '../../runner/execute/worker/workshop/group.js';
import { identifyProcess, isSurelyDead } from '../../runner/store/process-identity.js';

it('where the system tells no more than pids, a process without one is gone, of this host', () => {
  const self = { host: hostname(), pid: process.pid, boot: 'this' };
  const { pid } = spawnSync('true');
  expect(isSurelyDead({ ...self, pid }, self)).toBe(true);
  expect(isSurelyDead(self, self)).toBe(false);
  expect(isSurelyDead({ ...self, host: 'another', pid }, self)).toBe(false);
  expect(isSurelyDead({ ...self, pid, boot: 'another' }, self)).toBe(false);
  const namesakes = { host: self.host, pid };
  expect(isSurelyDead(namesakes, { ...namesakes, pid: process.pid })).toBe(false);
});

it('a server is not stopped by a number that something else has by now', async () => {
  const root = mkdtempSync(join(tmpdir(), 'moft-server-'));
  const other = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
  onTestFinished(() => {
    signalGroup(other.pid, 'SIGKILL');
    rmSync(root, { recursive: true });
  });
  await once(other, 'spawn');
  mkdirSync(serverFolder(root));
  const known = identifyProcess(other.pid);
  const unproved = { host: known.host, pid: known.pid };
  for (const leader of [{ ...known, started: '1' }, unproved]) {
    const server = { port: 5000, version: '3', process: leader };
    keepServer(root, server);
    expect(await stopServer(root, server)).toBe(false);
    expect(isGroupAlive(known.pid)).toBe(true);
    expect(existsSync(join(serverFolder(root), 'server.json'))).toBe(false);
  }
});
