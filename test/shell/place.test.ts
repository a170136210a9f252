/** Who gets the folder of a command where its last owner was killed. */
import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { takePlace } from '../../runner/execute/worker/workshop/place.js';
import { takeOutput } from '../../runner/execute/worker/workshop/take.js';
import { mountTrouble, unmountUnder } from '../faults/mounts.js';
import { one, Shop } from './rig.js';

const module = new URL('../../dist/runner/execute/worker/workshop/place.js', import.meta.url).href;

function freshPath(): string {
  const parent = mkdtempSync(join(tmpdir(), 'moft-place-'));
  onTestFinished(() => rmSync(parent, { recursive: true }));
  return join(parent, 'place');
}

/** A process takes the place and ends without giving it back. */
function takeAndDie(path: string): void {
  const script = `import { takePlace } from ${JSON.stringify(module)}; await takePlace(${JSON.stringify(path)}); process.kill(process.pid, 'SIGKILL')`;
  expect(() => execFileSync(process.execPath, ['--input-type=module', '-e', script])).toThrow(
    'Command failed',
  );
  expect(existsSync(path)).toBe(true);
}

it('of several heirs one gets the folder of a dead owner, and keeps it', async () => {
  const path = freshPath();
  takeAndDie(path);
  const places = await Promise.all([takePlace(path), takePlace(path), takePlace(path)]);
  expect(places.map(({ folder }) => folder).sort()).toEqual([path, `${path}-2`, `${path}-3`]);
  for (const { folder } of places) writeFileSync(join(folder, 'own'), '');
  expect((await takePlace(path)).folder).toBe(`${path}-4`);
  for (const place of places) {
    expect(readdirSync(place.folder)).toEqual(['own']);
    place.release();
  }
});

it('a place that is given back leaves nothing behind, and is free again', async () => {
  const path = freshPath();
  for (let n = 0; n < 2; n++) {
    const [place, other] = [await takePlace(path), await takePlace(path)];
    expect([place.folder, other.folder]).toEqual([path, `${path}-2`]);
    place.own(process.pid);
    const third = await takePlace(path);
    expect(third.folder).toBe(`${path}-3`);
    for (const one of [place, other, third]) one.release();
    expect(readdirSync(dirname(path))).toEqual([]);
  }
});

it('an output that can not be written is a fault of the disk, and ends no worker', async () => {
  const folder = dirname(freshPath());
  writeFileSync(join(folder, 'out'), 'made');
  const destination = join(folder, 'gone', 'out');
  const taking = { path: join(folder, 'out'), shown: 'out', folder, destination, secrets: [], local: folder };
  // An error that no one listens for would end this process too.
  await expect(takeOutput({ name: 'out', type: 'file', ...taking })).rejects.toThrow('ENOENT');
});

describe('a folder that can not be removed', () => {
  const isRoot = process.getuid?.() === 0;
  if (!isRoot) console.warn('SKIPPED: only root can make files of another user');

  it.runIf(isRoot)(
    'since root made files in it, as a container does, is passed over by who comes next',
    () => {
      const path = freshPath();
      mkdirSync(join(path, 'made'), { recursive: true });
      writeFileSync(join(path, 'made', 'file'), '');
      for (const folder of [dirname(path), path]) chownSync(folder, 65534, 65534);
      const script = `
      import { takePlace } from ${JSON.stringify(module)};
      process.setgid(65534);
      process.setuid(65534);
      const { folder, release } = await takePlace(process.argv[1]);
      console.log(folder, release());`;
      const said = execFileSync(process.execPath, ['--input-type=module', '-e', script, path]);
      expect(said.toString()).toBe(`${path}-2 undefined\n`);
      expect(readdirSync(dirname(path))).toEqual(['place']);
    },
  );

  const mounts = mountTrouble();
  if (mounts !== undefined) console.warn(`SKIPPED: a mount left in a working folder; ${mounts}`);

  it.skipIf(mounts !== undefined)('does not cost what its command made', async () => {
    const shop = new Shop();
    const folders: string[] = [];
    onTestFinished(async () => {
      for (const folder of folders) unmountUnder(folder);
      for (const folder of folders) rmSync(folder, { recursive: true, force: true });
      await shop.close();
    });
    const script = 'mkdir made\nmount -t tmpfs -o size=1m tmpfs made\npwd > out.txt';
    for (const [n, name] of ['', '-2'].entries()) {
      const summary = await shop.run(one(script));
      folders.push((await shop.output('a', 'out')).trim());
      expect({ ...summary, seconds: 0 }).toMatchObject({ status: 'done', counts: { ran: 1 } });
      expect(folders[n]).toBe(`${folders[0] ?? ''}${name}`);
      expect(shop.notes()).toContainEqual(expect.stringContaining("can't be removed"));
      rmSync(join(shop.folder, '.moft', 'records'), { recursive: true });
    }
  });
});
