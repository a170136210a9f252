/** What a takeover may end: the group of a command, and nothing that has its number since it ended. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { endOrphans } from '../../runner/execute/orphans.js';
import {
  endGroup,
  groupGone,
  isGroupAlive,
  signalGroup,
  type CommandGroup,
} from '../../runner/execute/worker/workshop/group.js';
import type { Store } from '../../runner/store/index.js';
import { identifyProcess } from '../../runner/store/process-identity.js';

const self = identifyProcess();
const mark = '/tmp/moft-of-one-command.aside';

/** A group that lives until it is ended; its leader goes before its member where `leaves`. */
async function group(leaves = false): Promise<CommandGroup> {
  const script = `sleep 600 & echo; ${leaves ? 'exit' : 'wait'}`;
  const stdio = ['ignore', 'pipe', 'ignore'] as const;
  const child = spawn('/bin/sh', ['-c', script], { detached: true, stdio: [...stdio], env: { HOME: mark } });
  const pid = child.pid ?? 0;
  onTestFinished(async () => {
    signalGroup(pid, 'SIGKILL');
    await groupGone(pid, 5000);
  });
  const exited = once(child, 'exit');
  await once(child.stdout, 'data');
  const identity = identifyProcess(pid);
  if (leaves) await exited;
  return identity;
}

describe('a group with the number of a command', () => {
  it('is ended where its leader is the one that was started', async () => {
    const command = await group();
    expect(await endGroup(command, self)).toBe(true);
    expect(isGroupAlive(command.pid)).toBe(false);
  });

  it('is left alone where another process leads it: the command is over', async () => {
    const other = await group();
    expect(await endGroup({ ...other, started: '1', mark }, self)).toBe(true);
    expect(isGroupAlive(other.pid)).toBe(true);
  });

  it('is ended where its leader has gone and a member has the mark of the command', async () => {
    const command = await group(true);
    expect(await endGroup({ ...command, mark }, self)).toBe(true);
    expect(isGroupAlive(command.pid)).toBe(false);
  });

  it.each([
    ['its leader has gone and nothing tells whose its members are', { mark: '/tmp/another.aside' }, true],
    ['nobody noted a mark', {}, true],
    ['the start of the command is unknown, as on macOS', { mark: '/tmp/another.aside' }, false],
  ])('is left alone, and said to live, where %s', async (_, noted, leaves) => {
    const { started, ...rest } = await group(leaves);
    const other = { ...rest, ...(leaves && started !== undefined ? { started } : {}), ...noted };
    expect(await endGroup(other, self)).toBe(false);
    expect(isGroupAlive(other.pid)).toBe(true);
  });
});

describe('a takeover', () => {
  it('ends what attempts without an end left, and says what it may not end', async () => {
    const root = mkdtempSync(join(tmpdir(), 'moft-orphans-'));
    onTestFinished(() => rmSync(root, { recursive: true, force: true }));
    const note = (attempt: string, command: CommandGroup, exit: boolean): void => {
      const folder = join(root, 'attempts', 'r', 'cell', attempt);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'process.json'), JSON.stringify(command));
      if (exit) writeFileSync(join(folder, 'exit.json'), '{}');
    };
    const [ended, running, unclear] = [await group(), await group(), await group(true)];
    note('1', ended, true);
    note('2', running, false);
    note('3', unclear, false);
    const runs = { list: () => ['r'], read: () => ({ extra: { runner: 'dead' } }) };
    const store = { root, runs } as unknown as Store;
    expect(await endOrphans(store, 'another')).toEqual([]);
    expect(await endOrphans(store, 'dead')).toEqual([unclear.pid]);
    const alive = [ended, running, unclear].map(({ pid }) => isGroupAlive(pid));
    expect(alive).toEqual([true, false, true]);
  });
});
