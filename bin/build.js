/**
 * Builds dist/: compiles, lists the code that each kind reaches, compiles the checks of their values, and joins the
 * command line into few files.
 * `npm run build` runs this file; the launcher calls `ensureBuilt`, which compares names, sizes and times of the
 * sources with those of the last build and costs a few milliseconds.
 */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const stamp = join(dist, '.built');
const lock = join(dist, '.building');
const folders = ['cli', 'runner', 'stages', 'schemas', 'scripts', 'bench'];
const files = ['tsconfig.json', 'package.json', 'package-lock.json'];

/** Builds where sources stand beside a dist/ that is missing or stale. An installed package has none. */
export function ensureBuilt() {
  if (!existsSync(join(root, 'tsconfig.json')) || !isStale()) return;
  withLock(() => {
    if (!isStale()) return; // another start has built meanwhile
    process.stderr.write(
      'moft: building, since the sources are new or changed: once, mostly under a minute\n',
    );
    build();
  });
}

function isStale() {
  return !existsSync(join(dist, 'bundle', 'moft.js')) || readOr(stamp) !== fingerprint();
}

/** Asked at each start in a checkout: one hash of one text, and paths put together without being made normal again. */
function fingerprint() {
  const lines = files.map(note);
  for (const folder of folders) walk(lines, folder);
  return createHash('sha256').update(lines.join('')).digest('hex');
}

function walk(lines, folder) {
  if (!existsSync(`${root}/${folder}`)) return;
  for (const entry of readdirSync(`${root}/${folder}`, { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) walk(lines, path);
    else if (/\.ts$|(?<!\.schema)\.json$/.test(entry.name)) lines.push(note(path));
  }
}

function note(path) {
  const found = statSync(`${root}/${path}`, { throwIfNoEntry: false });
  return `${path}\0${found?.size}\0${found?.mtimeMs}\n`;
}

function build() {
  const before = fingerprint(); // what is edited during the build makes it stale
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  if (!existsSync(tsc)) fail(`the compiler is not installed; run \`npm ci\` in ${root}`);
  step(tsc, ['-b', root]);
  step(join(dist, 'scripts', 'code-manifest.js'), []);
  step(join(dist, 'scripts', 'validators.js'), []);
  step(join(dist, 'scripts', 'bundle.js'), []);
  writeFileSync(stamp, before);
}

function step(script, args) {
  // Loaded here: it takes longer to load than it takes to see that nothing is stale.
  const { spawnSync } = createRequire(import.meta.url)('node:child_process');
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
    cwd: root,
    encoding: 'utf8',
  });
  if (status === 0) return;
  process.stderr.write(`${stdout}${stderr}`);
  fail('the build failed; see above');
}

/** One build at a time; a lock whose owner is gone counts for nothing. */
function withLock(work) {
  mkdirSync(dist, { recursive: true });
  while (!take()) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
  try {
    work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function take() {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') {
      process.stderr.write(`moft: cannot build: ${error.message}\n`);
      process.exit(3);
    }
    const owner = Number(readOr(lock));
    if (owner > 0 && !isAlive(owner)) rmSync(lock, { force: true });
    return false;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function readOr(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Only called by the owner of the lock. */
function fail(message) {
  rmSync(lock, { force: true });
  process.stderr.write(`moft: ${message}\n`);
  process.exit(3);
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url))
  withLock(build);
