/** A program that starts an MLflow server: on the PATH, through uvx, or in a virtual environment made for it once. */
import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { err, ok, type Result } from '../../schemas/result.js';
import type { CliHost } from '../host.js';

/** The release that moft was tested with. */
export const mlflowVersion = '3.17.2';

export interface Program {
  readonly command: readonly [string, ...string[]];
  /** Where it comes from, in words. */
  readonly from: string;
}

export interface NoProgram {
  readonly message: string;
  readonly hint: string;
}

export async function findProgram(host: CliHost): Promise<Result<Program, NoProgram>> {
  const mlflow = onPath('mlflow', host);
  if (mlflow !== undefined) return ok({ command: [mlflow], from: mlflow });
  const uvx = onPath('uvx', host);
  const release = `mlflow==${mlflowVersion}`;
  if (uvx !== undefined)
    return ok({ command: [uvx, '--from', release, 'mlflow'], from: `${release} by uvx` });
  return ownEnvironment(host);
}

export function onPath(name: string, { env }: Pick<CliHost, 'env'>): string | undefined {
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const report = 'without a server, `moft report FILE` shows what came of a run in one page';

async function ownEnvironment(host: CliHost): Promise<Result<Program, NoProgram>> {
  const python = onPath('python3', host);
  if (python === undefined)
    return err({
      message: 'there is no MLflow, and no Python to install it with',
      hint: `install Python 3.10 or later, or uv; ${report}`,
    });
  const cache = host.env.XDG_CACHE_HOME ?? join(host.env.HOME ?? host.cwd, '.cache');
  const folder = join(cache, 'moft', `mlflow-${mlflowVersion}`);
  const program: Program = { command: [join(folder, 'bin', 'mlflow')], from: folder };
  // Written last: an installation that broke off is made again.
  const whole = join(folder, 'whole');
  if (existsSync(whole)) return ok(program);
  host.stderr.write(`moft: installing MLflow ${mlflowVersion} into ${folder}, once; this takes minutes\n`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const command of [
    [python, '-m', 'venv', folder],
    [join(folder, 'bin', 'python'), '-m', 'pip', 'install', '--quiet', `mlflow==${mlflowVersion}`],
  ] as const) {
    const said = await runToEnd(command, host);
    if (said !== undefined) return err({ message: `MLflow can't be installed: ${said}`, hint: report });
  }
  writeFileSync(whole, '');
  return ok(program);
}

/** Undefined where it went well, else the last that it said. */
function runToEnd(
  [program, ...args]: readonly [string, ...string[]],
  host: CliHost,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: host.cwd,
      env: { ...host.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2000)));
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code) =>
      resolve(code === 0 ? undefined : (said.trim().split('\n').at(-1) ?? `code ${code}`)),
    );
  });
}
