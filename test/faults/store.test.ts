/** Faults that strike a run in this process, or its store between two runs: the next run ends right. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { basename, join } from 'node:path';
import { beforeAll, describe, expect } from 'vitest';
import { Random } from '../../stages/random.js';
import { damage, filesIn, pick } from './damage.js';
import { strike } from './kinds.js';
import { cleanRun, expectRight, files, finishedIn, Lab, pipeline, type Clean, type Outcome } from './lab.js';
import { makeReadOnly, mountSmall, mountTrouble, unmount } from './mounts.js';

let clean: Clean;
/** After data.txt was edited. */
let edited: Clean;
const edit = { 'data.txt': 'b line of data\n'.repeat(50) };
beforeAll(async () => {
  clean = await cleanRun(pipeline, files);
  edited = await cleanRun(pipeline, edit);
});

const none: ReadonlySet<string> = new Set();

/** Before which write it strikes. */
const moment = (point: number): number => 1 + Math.floor(point * clean.writes);

/** It may have failed, but as something that is said, and not as a bug of ours. */
function expectSaid({ code, stderr }: Outcome, codes: readonly number[]): void {
  expect(codes).toContain(code);
  expect(stderr).not.toMatch(/internal error|\n {4}at /);
}

const trouble = mountTrouble();

describe('the disk', () => {
  /** Bytes that a whole run takes on a small disk. */
  let needed = 0;
  const size = 4 << 20;
  const free = (folder: string): number => {
    const { bavail, bsize } = fs.statfsSync(folder);
    return bavail * bsize;
  };
  function smallDisk(lab: Lab): string {
    const disk = join(lab.folder, 'disk');
    fs.mkdirSync(disk);
    mountSmall(disk, size);
    return disk;
  }
  beforeAll(async () => {
    if (trouble !== undefined) return;
    const lab = new Lab(pipeline, files);
    const disk = smallDisk(lab);
    const before = free(disk);
    expect(await lab.run({ env: { MOFT_HOME: join(disk, 'store') } })).toMatchObject({ code: 0 });
    needed = before - free(disk);
    unmount(disk);
  });

  strike(
    'disk-full',
    async ({ point }) => {
      const lab = new Lab(pipeline, files);
      const disk = smallDisk(lab);
      try {
        const env = { MOFT_HOME: join(disk, 'store') };
        const ballast = join(disk, 'ballast');
        fs.writeFileSync(ballast, Buffer.alloc(Math.max(0, free(disk) - Math.floor(point * needed))));
        const full = await lab.run({ env });
        expectSaid(full, [3]);
        fs.rmSync(ballast);
        const next = await lab.run({ env });
        await expectRight(lab, next, { clean, finished: finishedIn(full), root: env.MOFT_HOME });
      } finally {
        unmount(disk);
        lab.remove();
      }
    },
    trouble,
  );

  strike(
    'read-only',
    async ({ point }) => {
      const lab = new Lab(pipeline, files);
      const disk = join(lab.folder, 'disk');
      fs.mkdirSync(disk);
      const env = { MOFT_HOME: join(disk, 'store') };
      let writes = 0;
      const hook = (): void => {
        writes += 1;
        if (writes === moment(point)) makeReadOnly(disk);
      };
      let locked: Outcome;
      try {
        locked = await lab.run({ env, hook });
      } finally {
        if (writes >= moment(point)) unmount(disk);
      }
      expectSaid(locked, [0, 3]);
      await expectRight(lab, await lab.run({ env }), {
        clean,
        finished: finishedIn(locked),
        root: env.MOFT_HOME,
      });
      lab.remove();
    },
    trouble,
  );
});

describe('the clock', () => {
  const now = Date.now.bind(Date);
  const jumps = [1e3, 60e3, 3.6e6, 86.4e6, 3.15e11];

  /** A run whose wall clock jumps before a write; all that asks the time in this process is told so. */
  async function jumping(lab: Lab, at: number, by: number): Promise<Outcome> {
    let offset = 0;
    let writes = 0;
    Date.now = () => now() + offset;
    try {
      return await lab.run({
        hook: () => {
          writes += 1;
          if (writes === at) offset = by;
        },
      });
    } finally {
      Date.now = now;
    }
  }

  strike('clock', async ({ seed, point }) => {
    const random = new Random(seed, 'clock');
    const jump = (): number => pick(jumps, random) * (1 + random.uniform()) * (random.integer(2) * 2 - 1);
    const lab = new Lab(pipeline, files);
    const first = await jumping(lab, moment(point), jump());
    await expectRight(lab, first, { clean, finished: none });
    const data = join(lab.folder, 'data.txt');
    const { atime, mtime } = fs.statSync(data);
    fs.writeFileSync(data, edit['data.txt']);
    // An editor or a copy that keeps the time of the last change, on a file of the same size.
    if (random.integer(2) === 0) fs.utimesSync(data, atime, mtime);
    const others = new Set([...finishedIn(first)].filter((id) => id !== 'data'));
    await expectRight(lab, await jumping(lab, 1 + random.integer(20), jump()), {
      clean: edited,
      finished: others,
    });
    fs.writeFileSync(data, files['data.txt']);
    await expectRight(lab, await jumping(lab, 1, jump()), { clean, finished: finishedIn(first) });
    lab.remove();
  });
});

describe('damage', () => {
  /** Cells that have a blob among those of their outputs. */
  async function usersOf(lab: Lab, first: Outcome, blob: string): Promise<ReadonlySet<string>> {
    const store = await lab.store();
    const users = Object.entries(await lab.results(first)).filter(([, { artifacts }]) =>
      artifacts.some(({ type, digest }) => {
        const ref = store.cas.artifactRef(type, digest);
        return (
          ref.ok &&
          [ref.value.path, ...Object.values(ref.value.files ?? {})].some((path) => basename(path) === blob)
        );
      }),
    );
    return new Set(users.map(([id]) => id));
  }

  function expectWholeBlobs(lab: Lab): void {
    for (const file of filesIn(lab.root, ['cas']))
      expect(createHash('sha256').update(fs.readFileSync(file)).digest('hex')).toBe(basename(file));
  }

  strike('damaged-blob', async ({ seed }) => {
    const random = new Random(seed, 'damaged blobs');
    const lab = new Lab(pipeline, files);
    const first = await lab.run();
    const blob = pick(filesIn(lab.root, ['cas']), random);
    const users = await usersOf(lab, first, basename(blob));
    damage(blob, random);
    const spared = new Set([...finishedIn(first)].filter((id) => !users.has(id)));
    await expectRight(lab, await lab.run(), { clean, finished: spared });
    expectWholeBlobs(lab);
    lab.remove();
  });

  strike('damaged-in-run', async ({ seed, point }) => {
    const random = new Random(seed, 'damage in a run');
    const lab = new Lab(pipeline, files);
    let writes = 0;
    let struck = false;
    const hook = (): void => {
      writes += 1;
      // The clock of a file system ticks every few milliseconds: what changes within the tick of its own writing leaves
      // no trace, and only the store writes to a blob then.
      const settled = (file: string): boolean => Date.now() - fs.statSync(file).ctimeMs > 20;
      const blobs = struck || writes < moment(point) ? [] : filesIn(lab.root, ['cas']).filter(settled);
      if (blobs.length === 0) return;
      struck = true;
      damage(pick(blobs, random), random);
    };
    const first = await lab.run({ hook });
    expectSaid(first, [0, 1, 3]);
    await expectRight(lab, await lab.run(), { clean, finished: none });
    expectWholeBlobs(lab);
    lab.remove();
  });

  strike('damaged-record', async ({ seed }) => {
    const random = new Random(seed, 'damaged records');
    const lab = new Lab(pipeline, files);
    const first = await lab.run();
    const record = pick(filesIn(lab.root, ['records']), random);
    damage(record, random);
    const key = basename(join(record, '..'));
    const results = await lab.results(first);
    const spared = new Set(Object.keys(clean.results).filter((id) => results[id]?.key !== key));
    await expectRight(lab, await lab.run(), { clean, finished: spared });
    lab.remove();
  });

  strike('damaged-rest', async ({ seed }) => {
    const random = new Random(seed, 'damaged rest');
    const lab = new Lab(pipeline, files);
    const first = await lab.run();
    const rest = ['runs', 'journal', 'leases', 'attempts', 'stat-cache.json', '.gitignore'];
    for (let i = 0; i < 5; i += 1) damage(pick(filesIn(lab.root, rest), random), random);
    await expectRight(lab, await lab.run(), { clean, finished: finishedIn(first) });
    lab.remove();
  });
});

describe('a store that is copied while a run writes to it', () => {
  strike('copied', async ({ point }) => {
    const lab = new Lab(pipeline, files);
    const other = new Lab(pipeline, files);
    let writes = 0;
    let finished = none;
    const first = await lab.run({
      hook: (_, soFar) => {
        writes += 1;
        if (writes !== moment(point) || !fs.existsSync(lab.root)) return;
        fs.cpSync(lab.root, other.root, {
          recursive: true,
          preserveTimestamps: true,
          verbatimSymlinks: true,
        });
        finished = finishedIn(soFar());
      },
    });
    await expectRight(lab, first, { clean, finished: none });
    await expectRight(other, await other.run(), { clean, finished });
    lab.remove();
    other.remove();
  });
});
