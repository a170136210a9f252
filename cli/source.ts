/** Who starts a run, and from which state of the project: kept in its journal, and shown beside its figures. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join, sep } from 'node:path';
import type { RunManifest, Runs } from '../runner/store/index.js';
import type { RunSource } from '../runner/track/events.js';
import type { CliHost } from './host.js';

/** Milliseconds for git, which on a vast tree takes its time: the run doesn't wait for that. */
const patience = 2_000;

export interface FoundSource {
  readonly source: RunSource;
  /** Files that git neither tracks nor ignores, of those that the run reads; relative to the folder. */
  readonly untracked: readonly string[];
}

/** @param reads absolute paths of the files and folders that the run reads of the project */
export async function sourceOf(
  folder: string,
  reads: readonly string[],
  { env }: Pick<CliHost, 'env'>,
): Promise<FoundSource> {
  const user = userOf(env);
  const top = topOf(folder);
  const [state, untracked] =
    top === undefined
      ? [{}, []]
      : await Promise.all([gitState(folder), untrackedOf(folder, reads.filter(isBelow(top)))]);
  const dirty = state.dirty === undefined ? {} : { dirty: state.dirty || untracked.length > 0 };
  return { source: { ...(user === undefined ? {} : { user }), ...state, ...dirty }, untracked };
}

function userOf(env: CliHost['env']): string | undefined {
  const named = env.LOGNAME ?? env.USER;
  if (named !== undefined && named !== '') return named;
  try {
    return userInfo().username;
  } catch {
    return undefined; // a user that the system has no name for
  }
}

/** The folder that is under git. */
function topOf(folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, '.git'))) return at;
    if (dirname(at) === at) return undefined;
  }
}

const isBelow =
  (top: string) =>
  (path: string): boolean =>
    path === top || path.startsWith(join(top, sep));

/** Nothing where git is not there, or takes too long. */
async function gitState(folder: string): Promise<Pick<RunSource, 'commit' | 'branch' | 'dirty'>> {
  const text = await git(folder, ['status', '--porcelain=v2', '--branch', '--untracked-files=no']);
  return text === undefined ? {} : readStatus(text);
}

/** Paths that one call of git is given. */
const atOnce = 500;

async function untrackedOf(folder: string, reads: readonly string[]): Promise<readonly string[]> {
  const paths = [...new Set(reads)];
  const calls = Array.from({ length: Math.ceil(paths.length / atOnce) }, (_, i) =>
    git(folder, [
      ...['ls-files', '--others', '--exclude-standard', '-z', '--'],
      ...paths.slice(i * atOnce, (i + 1) * atOnce),
    ]),
  );
  const found = (await Promise.all(calls)).flatMap((text) => (text ?? '').split('\0'));
  return [...new Set(found)].filter((path) => path !== '');
}

function git(folder: string, args: readonly string[]): Promise<string | undefined> {
  const env = { ...process.env, GIT_OPTIONAL_LOCKS: '0', GIT_LITERAL_PATHSPECS: '1' };
  const options = { env, timeout: patience, maxBuffer: 64 << 20 };
  return new Promise((resolve) => {
    execFile('git', ['-C', folder, ...args], options, (error, text) => resolve(error ? undefined : text));
  });
}

/** `# branch.oid <hash>`, `# branch.head <name>`, then a line for each file that differs. */
export function readStatus(text: string): Pick<RunSource, 'commit' | 'branch' | 'dirty'> {
  const header = (name: string): string | undefined =>
    new RegExp(`^# branch\\.${name} (.+)$`, 'm').exec(text)?.[1];
  const commit = header('oid');
  const branch = header('head');
  return {
    ...(commit === undefined || commit === '(initial)' ? {} : { commit }),
    ...(branch === undefined || branch === '(detached)' ? {} : { branch }),
    dirty: /^[^#\n]/m.test(text),
  };
}

/** Of which state of the project a run was, as its manifest has it, and where the rest of it is kept. */
export interface KeptSource {
  readonly source?: RunSource;
  /** A file: what the working tree had that the commit hadn't. */
  readonly diff?: string;
}

export function keptSource({ run, extra }: Pick<RunManifest, 'run' | 'extra'>, runs: Runs): KeptSource {
  const source = extra?.source as RunSource | undefined;
  const diff = runs.pathBeside(run, 'diff');
  return { ...(source ? { source } : {}), ...(diff === undefined ? {} : { diff }) };
}

/** `3f2a91c4 on main, and uncommitted changes: PATH`; undefined outside of git. */
export function sourceLine({ source, diff }: KeptSource): string | undefined {
  if (source?.commit === undefined) return undefined;
  const { commit, branch, dirty } = source;
  const at = `${commit.slice(0, 12)}${branch === undefined ? '' : ` on ${branch}`}`;
  if (dirty !== true) return at;
  return `${at}, and uncommitted changes${diff === undefined ? '' : `: ${diff}`}`;
}
