/**
 * What a project's working tree has that its commit hasn't, kept beside a run for a person to read: no key holds it.
 * Binary files are named only, secrets masked, and what is very long is cut.
 */
import { spawn } from 'node:child_process';
import type { CliHost } from './host.js';
import { maskOf } from './mask.js';

const mostBytes = 1 << 20;
/** Milliseconds for git: the run goes on meanwhile, and waits for it at its end alone. */
const patience = 20_000;

/** New files that are shown, at most: the others are counted. */
const mostNew = 100;

export interface UncommittedOptions {
  readonly env: CliHost['env'];
  /** Names of variables whose values are secret, beside those that are named so. */
  readonly secrets: readonly string[];
  /** Files that git does not track and the run reads, relative to `folder`. */
  readonly untracked: readonly string[];
}

/** The difference as `git diff HEAD` writes it, and new files behind it; undefined where git says nothing of it. */
export async function uncommitted(
  folder: string,
  { env, secrets, untracked }: UncommittedOptions,
): Promise<string | undefined> {
  const changed = await gitDiff(['HEAD'], folder, env);
  let text = changed?.text ?? '';
  let cut = changed?.cut ?? false;
  for (const file of untracked.slice(0, mostNew)) {
    if (cut) break;
    const added = await gitDiff(
      ['--no-index', '--', '/dev/null', file],
      folder,
      env,
      mostBytes - text.length,
    );
    text += added?.text ?? '';
    cut = added?.cut ?? false;
  }
  if (text === '') return undefined;
  const mask = maskOf(env, secrets);
  const shown = text
    .split(/^(?=diff --git )/m)
    .map((file) => mask(file, namesOf(file)))
    .join('');
  const more = untracked.length - mostNew;
  return [
    shown,
    cut ? `[cut after ${mostBytes >> 20} MiB]\n` : '',
    more > 0 ? `[and ${more} more files that git does not track]\n` : '',
  ].join('');
}

/**
 * What the head of a difference names: twice the same file, or one and what it was renamed to. Of a name that has ` b/`
 * in it all that may be meant.
 */
function namesOf(difference: string): readonly string[] {
  const [head = ''] = difference.split('\n', 1);
  const names = /^diff --git "?a\/(.+) "?b\/(.+?)"?$/.test(head)
    ? head.replace(/^diff --git "?a\//, '').split(/"? "?b\//)
    : [];
  return names.map((name) => name.replace(/"$/, ''));
}

/** Whole lines, as many as fit. */
function gitDiff(
  what: readonly string[],
  folder: string,
  env: CliHost['env'],
  most = mostBytes,
): Promise<{ readonly text: string; readonly cut: boolean } | undefined> {
  // Whatever its configuration says, its heads are to be read here.
  const head = [
    '-c',
    'core.quotePath=false',
    'diff',
    '--src-prefix=a/',
    '--dst-prefix=b/',
    '--submodule=short',
  ];
  const args = ['-C', folder, ...head, '--no-ext-diff', '--no-textconv', '--no-color', ...what];
  const git = spawn('git', args, {
    env: { ...env, GIT_OPTIONAL_LOCKS: '0' },
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: patience,
  });
  const chunks: Buffer[] = [];
  let bytes = 0;
  git.stdout.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > most) git.kill();
  });
  return new Promise((resolve) => {
    git.on('error', () => resolve(undefined));
    git.on('close', (code) => {
      const cut = bytes > most;
      const text = Buffer.concat(chunks).subarray(0, most).toString('utf8');
      const whole = cut ? text.slice(0, text.lastIndexOf('\n') + 1) : text;
      // 1: files that no index holds differ.
      resolve(code === 0 || code === 1 || cut ? { text: whole, cut } : undefined);
    });
  });
}
