/** Who gets the folder of a command where its last owner was killed. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { takePlace } from '../../runner/execute/worker/workshop/place.js';

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
