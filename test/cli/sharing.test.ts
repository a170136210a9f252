/** `shared: true`: several users work in one store. As root, each command is run as another user of one group. */
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Command, type Ended } from './moft.js';

const group = 54_000;
const [one, two] = [54_001, 54_002];
const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn('SKIPPED: several users on one store; only root can act as two of them');

const sums = (...values: number[]): string => `
name: sums
stages:
  one:
    uses: test/sum
    matrix: {value: [${values.join(', ')}]}
    with: {value: $matrix.value}
  all:
    uses: test/sum
    with: {value: 3, numbers: $one(value=*).sum}
`;

/** A folder of both users, with a pipeline. */
function project(machine: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'moft-sharing-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'package.json'), '{}');
  if (machine !== '') writeFileSync(join(folder, 'moft.yaml'), machine);
  chownSync(folder, 0, group);
  chmodSync(folder, 0o775);
  return folder;
}

async function runAs(uid: number, folder: string, pipeline: string, ...args: string[]): Promise<Ended> {
  const home = join(folder, `home-${uid}`);
  mkdirSync(home, { recursive: true });
  chownSync(home, uid, group);
  writeFileSync(join(folder, 'p.yaml'), pipeline);
  const as = { cwd: folder, env: { HOME: home }, uid, gid: group };
  return new Command(['run', 'p.yaml', '--json', ...args], as).ended;
}

function counts({ stdout, stderr }: Ended): unknown {
  expect(stderr).toBe('');
  return (JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { counts: unknown }).counts;
}
const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));

describe.runIf(isRoot)('a store with `shared: true`', () => {
  it('is written to by all users of its group, each of whom is served what another made', async () => {
    const folder = project('shared: true\n');
    const store = join(folder, '.moft');
    expect(counts(await runAs(one, folder, sums(1, 2)))).toMatchObject({ ran: 3, hit: 0 });
    expect(statSync(store).mode & 0o2070).toBe(0o2070);
    expect(counts(await runAs(two, folder, sums(1, 2)))).toMatchObject({ ran: 0, hit: 3 });
    expect(counts(await runAs(two, folder, sums(1, 2, 4)))).toMatchObject({ ran: 2, hit: 2 });
    expect(counts(await runAs(one, folder, sums(1, 4)))).toMatchObject({ ran: 1, hit: 2 });
    // Forced: a record beside one of the other user's, and a lease after the other user's.
    const forced = await runAs(two, folder, sums(1, 2), '--force', 'all');
    expect({ code: forced.code, stderr: forced.stderr }).toEqual({ code: 0, stderr: '' });
    for (const file of filesBelow(store)) {
      const stat = statSync(file);
      expect([file, stat.gid]).toEqual([file, group]);
      if (stat.isDirectory()) expect([file, stat.mode & 0o2020]).toEqual([file, 0o2020]);
    }
  });

  it('may have been one user’s before', async () => {
    const folder = project('');
    expect(counts(await runAs(one, folder, sums(1, 2)))).toMatchObject({ ran: 3 });
    const refused = await runAs(two, folder, sums(1, 2, 4));
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain('permission');
    writeFileSync(join(folder, 'moft.yaml'), 'shared: true\n');
    const early = await runAs(two, folder, sums(1, 2, 4));
    expect(early.code).toBe(3);
    expect(early.stderr).toMatch(
      /can't be shared: parts of it belong to another user[^]*hint: let that user/,
    );
    expect(counts(await runAs(one, folder, sums(1, 2)))).toMatchObject({ hit: 3 });
    expect(counts(await runAs(two, folder, sums(1, 2, 4)))).toMatchObject({ ran: 2, hit: 2 });
  });
});

it('`shared` takes true or false', async () => {
  const folder = project('shared: yes please\n');
  const { code, stderr } = await runAs(process.getuid?.() ?? 0, folder, sums(1));
  expect(code).toBe(2);
  expect(stderr).toMatch(/moft\.yaml:1:9: .*`shared` takes true or false/);
});
