/**
 * Builds dist/: compiles, lists the code that each kind reaches, compiles the checks of their values, and joins the
 * command line into few files.
 * `npm run build` runs this file; the launcher calls `ensureBuilt`, which compares names, sizes and times of the
 * sources with those of the last build and costs a few milliseconds.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const stamp = join(dist, '.built');
const lock = join(dist, '.builder');
/** Gives the lock back, once it is taken. */
let release;
const folders = ['cli', 'runner', 'stages', 'schemas', 'scripts', 'bench'];
const files = ['tsconfig.json', 'package.json', 'package-lock.json'];

/** Builds where sources stand beside a dist/ that is missing or stale. An installed package has none. */
export function ensureBuilt() {
  if (!fs.existsSync(join(root, 'tsconfig.json')) || !isStale()) return;
  withLock(() => {
    if (!isStale()) return; // another start has built meanwhile
    process.stderr.write(
      'moft: building, since the sources are new or changed: once, mostly under a minute\n',
    );
    build();
  });
}

function isStale() {
  return !fs.existsSync(join(dist, 'bundle', 'moft.js')) || readOr(stamp) !== fingerprint();
}

/** Asked at each start in a checkout: one hash of one text, and paths put together without being made normal again. */
function fingerprint() {
  const lines = files.map(note);
  for (const folder of folders) walk(lines, folder);
  return createHash('sha256').update(lines.join('')).digest('hex');
}

function walk(lines, folder) {
  if (!fs.existsSync(`${root}/${folder}`)) return;
  for (const entry of fs.readdirSync(`${root}/${folder}`, { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) walk(lines, path);
    else if (/\.ts$|(?<!\.schema)\.json$/.test(entry.name)) lines.push(note(path));
  }
}

function note(path) {
  const found = fs.statSync(`${root}/${path}`, { throwIfNoEntry: false });
  return `${path}\0${found?.size}\0${found?.mtimeMs}\n`;
}

function build() {
  const before = fingerprint(); // what is edited during the build makes it stale
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  if (!fs.existsSync(tsc)) fail(`the compiler is not installed; run \`npm ci\` in ${root}`);
  step(tsc, ['-b', root]);
  step(join(dist, 'scripts', 'code-manifest.js'), []);
  step(join(dist, 'scripts', 'validators.js'), []);
  step(join(dist, 'scripts', 'bundle.js'), []);
  fs.writeFileSync(stamp, before);
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
  fs.mkdirSync(dist, { recursive: true });
  while (!(release = take())) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
  try {
    work();
  } finally {
    release();
  }
}

function take() {
  try {
    return takeLock(lock);
  } catch (error) {
    process.stderr.write(`moft: cannot build: ${error.message}\n`);
    process.exit(3);
  }
}

/**
 * A lock is a folder with one file, whose name says who has it: a folder is renamed to where none stands, or an empty
 * one, and a dead owner's file is removed by a name that no other one has. So of several starts that find a dead owner
 * one takes its place, and no other can take it from that one.
 *
 * @returns what gives it back; undefined where another process has it
 */
export function takeLock(path) {
  const own = fs.mkdtempSync(`${path}-`);
  const name = `${process.pid}${own.slice(path.length)}`;
  try {
    fs.writeFileSync(join(own, name), '');
    fs.renameSync(own, path);
    return () => {
      fs.rmSync(join(path, name), { force: true });
      removeIfEmpty(path);
    };
  } catch (error) {
    fs.rmSync(own, { recursive: true, force: true });
    if (!['ENOTEMPTY', 'EEXIST'].includes(error.code)) throw error;
  }
  for (const owner of namesIn(path))
    if (!isAlive(Number.parseInt(owner, 10))) fs.rmSync(join(path, owner), { force: true });
  return undefined;
}

function namesIn(folder) {
  try {
    return fs.readdirSync(folder);
  } catch {
    return []; // given back meanwhile
  }
}

function removeIfEmpty(folder) {
  try {
    fs.rmdirSync(folder);
  } catch {
    // the next one has it already
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
    return fs.readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Only called by the owner of the lock. */
function fail(message) {
  release();
  process.stderr.write(`moft: ${message}\n`);
  process.exit(3);
}

if (process.argv[1] !== undefined && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url))
  withLock(build);
