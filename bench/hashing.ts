/**
 * How fast files come into the store: hashed where they lie and copied in, one and several at once, beside what openssl
 * says of SHA-256 here, and what an unchanged file costs. Files are warm: they were just written.
 * `node dist/bench/hashing.js [MiB]` prints a table and appends a line to bench/history.jsonl.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { openStore, type Store } from '../runner/store/index.js';
import { remember, rounded } from './measure.js';
import { asked } from './options.js';

const { numbers } = asked({ usage: 'node dist/bench/hashing.js [MiB]', most: 1 });
const [mebibytes = 512] = numbers;
const files = 4;
const turns = 3;

const folder = mkdtempSync(join(tmpdir(), 'moft-hashing-'));
const tree = join(folder, 'tree');
mkdirSync(tree);
const long = (name: string): string => join(tree, name);
for (let i = 0; i < files; i++) writeLong(long(`${i}.bin`), mebibytes / files);
writeLong(join(folder, 'one.bin'), mebibytes);

function writeLong(file: string, size: number): void {
  const block = randomBytes(1 << 20);
  writeFileSync(file, '');
  for (let i = 0; i < size; i++) writeFileSync(file, block, { flag: 'a' });
}

/** GB/s of SHA-256 on one core, in blocks of a mebibyte; undefined where there is no openssl. */
function openssl(): number | undefined {
  try {
    const args = ['speed', '-mr', '-seconds', '2', '-bytes', String(1 << 20), '-evp', 'sha256'];
    const told = execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    const bytes = Number(/^\+F:\d+:sha256:([\d.]+)/im.exec(told)?.[1]);
    return Number.isFinite(bytes) ? bytes / 1e9 : undefined;
  } catch {
    return undefined;
  }
}

interface Speed {
  /** GB a second of the clock, and of processor time. */
  readonly clock: number;
  readonly core: number;
  /** The longest that the main thread was kept from other work, in ms. */
  readonly stall: number;
}

async function speedOf(work: () => Promise<{ readonly ok: boolean }>): Promise<Speed> {
  const stalls = monitorEventLoopDelay({ resolution: 1 });
  stalls.enable();
  const began = performance.now();
  const before = process.cpuUsage();
  const { ok } = await work();
  const { user, system } = process.cpuUsage(before);
  const seconds = (performance.now() - began) / 1000;
  stalls.disable();
  if (!ok) throw new Error('the store took none of it');
  const gigabytes = (mebibytes << 20) / 1e9;
  return { clock: gigabytes / seconds, core: gigabytes / ((user + system) / 1e6), stall: stalls.max / 1e6 };
}

const works = {
  'one file hashed': (store: Store) => store.cas.hash('file', join(folder, 'one.bin')),
  [`${files} files hashed`]: (store: Store) => store.cas.hash('directory', tree),
  'one file copied in': (store: Store) => store.cas.put('file', join(folder, 'one.bin')),
};

/** A fresh store each time: nothing is known of the files. */
async function inStore<T>(root: string, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore(root);
  if (!store.ok) throw new Error(store.error.message);
  const result = await work(store.value);
  await store.value.close();
  return result;
}

const middle = (speeds: readonly Speed[], part: keyof Speed): number =>
  speeds.map((speed) => speed[part]).sort((a, b) => a - b)[Math.floor(speeds.length / 2)] ?? NaN;

const reference = openssl();
const rows: Record<string, unknown>[] = [];
const all = new Map<string, Speed[]>(Object.keys(works).map((name) => [name, []]));
for (let turn = 0; turn < turns; turn++)
  for (const [name, work] of Object.entries(works)) {
    const root = join(folder, '.moft');
    all.get(name)?.push(await inStore(root, (store) => speedOf(() => work(store))));
    rmSync(root, { recursive: true });
  }
for (const [what, speeds] of all)
  rows.push({
    what,
    'GB/s': rounded(middle(speeds, 'clock')),
    'GB/s a core': rounded(middle(speeds, 'core')),
    'of openssl': reference === undefined ? null : rounded(middle(speeds, 'core') / reference),
    'longest stall ms': rounded(middle(speeds, 'stall'), 1),
  });

/** Milliseconds of a later run's look at a file that is known, as its copy is: both are old enough to be believed. */
async function unchanged(): Promise<number> {
  const file = join(folder, 'one.bin');
  const root = join(folder, '.moft');
  await inStore(root, (store) => store.cas.put('file', file));
  await sleep(2_500);
  await inStore(root, (store) => store.cas.put('file', file));
  return inStore(root, async (store) => {
    const began = performance.now();
    await store.cas.put('file', file);
    return performance.now() - began;
  });
}

const again = await unchanged();
rmSync(folder, { recursive: true });
console.table(rows);
console.log(`openssl: ${reference === undefined ? 'not found' : `${rounded(reference)} GB/s`}`);
console.log(`${mebibytes} MiB unchanged since the last run: ${rounded(again, 2)} ms`);
remember('hashing', {
  mebibytes,
  threads: Math.min(files, availableParallelism()),
  openssl: reference === undefined ? null : rounded(reference),
  rows,
  'unchanged ms': rounded(again, 2),
});
