/** Who starts a run, and from which state of the project: kept in its journal, and shown beside its figures. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import type { RunManifest, Runs } from '../runner/store/index.js';
import type { RunSource } from '../runner/track/events.js';
import type { CliHost } from './host.js';

/** Milliseconds for git, which on a vast tree takes its time: the run doesn't wait for that. */
const patience = 2_000;

export async function sourceOf(folder: string, { env }: Pick<CliHost, 'env'>): Promise<RunSource> {
  const user = userOf(env);
  return { ...(user === undefined ? {} : { user }), ...(isBelowGit(folder) ? await gitState(folder) : {}) };
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

function isBelowGit(folder: string): boolean {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, '.git'))) return true;
    if (dirname(at) === at) return false;
  }
}

/** Nothing where git is not there, or takes too long. */
function gitState(folder: string): Promise<Pick<RunSource, 'commit' | 'branch' | 'dirty'>> {
  const args = ['-C', folder, 'status', '--porcelain=v2', '--branch', '--untracked-files=no'];
  const env = { ...process.env, GIT_OPTIONAL_LOCKS: '0' };
  return new Promise((resolve) => {
    execFile('git', args, { env, timeout: patience, maxBuffer: 64 << 20 }, (error, text) => {
      resolve(error ? {} : readStatus(text));
    });
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
