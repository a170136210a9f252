/**
 * What a project's working tree has that its commit hasn't, kept beside a run for a person to read: no key holds it.
 * Binary files are named only, secrets masked, and what is very long is cut.
 */
import { spawn } from 'node:child_process';
import { patternsOf, Redactor } from '../runner/execute/worker/workshop/secrets.js';
import type { CliHost } from './host.js';

const mostBytes = 1 << 20;
/** Milliseconds for git: the run goes on meanwhile, and waits for it at its end alone. */
const patience = 20_000;

/** Named so, a file is there to hold secrets. */
const secretFile =
  /(^|\/)(\.env[^/]*|\.netrc|\.npmrc|\.pypirc|id_[a-z0-9]+|[^/]*\.(pem|key|p12|pfx|keystore))$/;
/** A variable of the environment that is named so holds one. */
const secretName = /TOKEN|SECRET|PASSW|API_?KEY|CREDENTIAL|PRIVATE_KEY/i;
const shortestValue = 8;

/** Secrets by the looks of them, written into a file: tokens of known services, and what is assigned to such a name. */
const written: readonly RegExp[] = [
  /\b(?:hf_[A-Za-z0-9]{20,}|sk-[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{20,}|glpat-[\w-]{20,}|xox[abprs]-[\w-]{10,}|AKIA[0-9A-Z]{16})/g,
  /(?<=\b[A-Z0-9_]*(?:TOKEN|SECRET|PASSWORD|PASSWD|API_KEY)[A-Z0-9_]*["']?\s*[:=]\s*["']?)[^\s"',;]{8,}/g,
  /(?<=(?:password|passwd|secret|api_?key|token)["']?\s*[:=]\s*["'])[^"'\n]{8,}(?=["'])/gi,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$(?![^]))/g,
];

/** The difference as `git diff HEAD` writes it; undefined where git says nothing of it. */
export async function uncommitted(
  folder: string,
  { env, secrets }: { readonly env: CliHost['env']; readonly secrets: readonly string[] },
): Promise<string | undefined> {
  const found = await gitDiff(folder, env);
  if (found === undefined || found.text === '') return undefined;
  const mask = new Redactor(patternsOf(valuesOf(env, secrets)));
  const files = found.text.split(/^(?=diff --git )/m);
  const shown = files.map((file) => masked(file, mask)).join('');
  return found.cut ? `${shown}[cut after ${mostBytes >> 20} MiB]\n` : shown;
}

function valuesOf(env: CliHost['env'], declared: readonly string[]): { name: string; value: string }[] {
  return Object.entries(env).flatMap(([name, value]) => {
    const secret =
      declared.includes(name) || (secretName.test(name) && (value?.length ?? 0) >= shortestValue);
    return secret && value !== undefined ? [{ name, value }] : [];
  });
}

function masked(file: string, mask: Redactor): string {
  const [head = ''] = file.split('\n', 1);
  const name = / b\/(.+?)"?$/.exec(head)?.[1] ?? '';
  if (secretFile.test(name)) return `${head}\n[left out: by its name it holds secrets]\n`;
  return written.reduce((text, form) => text.replace(form, '***'), mask.text(file));
}

/** Whole lines, as many as fit. */
function gitDiff(
  folder: string,
  env: CliHost['env'],
): Promise<{ readonly text: string; readonly cut: boolean } | undefined> {
  const args = ['-C', folder, 'diff', 'HEAD', '--no-ext-diff', '--no-textconv', '--no-color'];
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
    if (bytes > mostBytes) git.kill();
  });
  return new Promise((resolve) => {
    git.on('error', () => resolve(undefined));
    git.on('close', (code) => {
      const cut = bytes > mostBytes;
      const text = Buffer.concat(chunks).subarray(0, mostBytes).toString('utf8');
      const whole = cut ? text.slice(0, text.lastIndexOf('\n') + 1) : text;
      resolve(code === 0 || cut ? { text: whole, cut } : undefined);
    });
  });
}
