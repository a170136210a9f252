/** Which program `moft mlflow` starts: on the PATH, through uvx, or in an environment of its own that it makes once. */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CliHost } from '../../cli/host.js';
import { findProgram, mlflowVersion } from '../../cli/server/find.js';
import { errorOf, temporaryFolder, valueOf } from '../store/fixtures.js';

function program(folder: string, name: string, script: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, name), 0o755);
}

/** What is asked of a machine: its programs, its cache folder, and what it was told. */
function machine() {
  const folder = temporaryFolder();
  const said: string[] = [];
  const env = {
    PATH: [join(folder, 'bin'), '/usr/bin', '/bin'].join(':'),
    XDG_CACHE_HOME: join(folder, 'cache'),
  };
  const stderr = { write: (text: string) => said.push(text) };
  const host = { env, cwd: folder, stderr } as unknown as CliHost;
  const own = join(folder, 'cache/moft', `mlflow-${mlflowVersion}`);
  return { bin: join(folder, 'bin'), log: join(folder, 'log'), said, host, own };
}

/** A python3 whose environments have a pip that notes what it is asked for, and fails where `broken` lies. */
function fakePython({ bin, log }: { bin: string; log: string }): void {
  const pip = `echo "pip $*" >> ${log}; if [ -e ${log}.broken ]; then echo no network >&2; exit 1; fi`;
  const made = `mkdir -p "$3/bin"; printf '#!/bin/sh\\n%s\\n' '${pip}' > "$3/bin/python"; chmod +x "$3/bin/python"`;
  program(bin, 'python3', `echo "python $*" >> ${log}; ${made}`);
}

describe('the program of the server', () => {
  it('is the one on the PATH, else that of uvx at the tested release', async () => {
    const { bin, host } = machine();
    program(bin, 'uvx', 'exit 0');
    expect(valueOf(await findProgram(host)).command).toEqual([
      ...[join(bin, 'uvx'), '--from', `mlflow==${mlflowVersion}`, 'mlflow'],
    ]);
    program(bin, 'mlflow', 'exit 0');
    expect(valueOf(await findProgram(host)).command).toEqual([join(bin, 'mlflow')]);
  });

  it('is installed once into an environment of its own, and again where that broke off', async () => {
    const made = machine();
    fakePython(made);
    writeFileSync(`${made.log}.broken`, '');
    expect(errorOf(await findProgram(made.host))).toMatchObject({
      message: "MLflow can't be installed: no network",
      hint: expect.stringContaining('moft report FILE') as string,
    });
    expect(existsSync(join(made.own, 'whole'))).toBe(false);
    rmSync(`${made.log}.broken`);
    for (let turn = 0; turn < 2; turn++)
      expect(valueOf(await findProgram(made.host)).command).toEqual([join(made.own, 'bin/mlflow')]);
    const install = `pip -m pip install --quiet mlflow==${mlflowVersion}`;
    const once = [`python -m venv ${made.own}`, install];
    expect(readFileSync(made.log, 'utf8').trim().split('\n')).toEqual([...once, ...once]);
    expect(made.said).toHaveLength(2);
  });

  it('is none where there is no Python', async () => {
    const { host, bin } = machine();
    const problem = errorOf(await findProgram({ ...host, env: { ...host.env, PATH: bin } }));
    expect(problem.message).toContain('no Python');
    expect(problem.hint).toContain('uv');
  });
});
