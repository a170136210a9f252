/** `moft backend install`: what npm's own installation leaves out, fetched on demand. */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { err, ok, type Result } from '../../../schemas/result.js';
import { nativePackageAt } from '../native.js';
import { dawnAddon, dawnVersion } from '../places.js';
import type { EngineProblem } from './problem.js';
import { lastLines, runProgram, type Ran } from './programs.js';

export interface InstallOptions {
  readonly engines: string;
  readonly say: (line: string) => void;
}

/** Dawn from npm, of one version and without install scripts, into the folder of engines. */
export async function installWebgpu({
  engines,
  say,
}: InstallOptions): Promise<Result<string, EngineProblem>> {
  const addon = dawnAddon(engines);
  if (existsSync(addon)) return ok(`Dawn ${dawnVersion} is there already`);
  // The folder that npm fills is five levels above the addon.
  const target = [1, 2, 3, 4, 5].reduce((path) => dirname(path), addon);
  const trial = `${target}.new-${process.pid}`;
  mkdirSync(trial, { recursive: true });
  try {
    const dependencies = { webgpu: dawnVersion };
    writeFileSync(join(trial, 'package.json'), JSON.stringify({ private: true, dependencies }));
    say(`fetching webgpu ${dawnVersion} (Dawn for all platforms, 132 MB unpacked) into ${target}`);
    const ran = await runProgram('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: trial,
    });
    if (ran.code !== 0)
      return err({ message: `npm cannot install webgpu ${dawnVersion}:\n${lastLines(ran)}` });
    if (!existsSync(addon.replace(target, trial))) {
      return err({ message: `webgpu ${dawnVersion} has nothing for ${process.platform} on ${process.arch}` });
    }
    renameSync(trial, target);
    return ok(`Dawn ${dawnVersion} is in ${target}`);
  } finally {
    rmSync(trial, { recursive: true, force: true });
  }
}

/** The installer of tfjs-node: libtensorflow 2.9.1 and a built addon, into the package's own folder. */
export async function installTensorFlow({ say }: InstallOptions): Promise<Result<string, EngineProblem>> {
  const installed = nativePackageAt();
  if (!installed) {
    const hint = 'npm ci --include=optional brings it';
    return err({ message: 'the optional package @tensorflow/tfjs-node-gpu is not installed', hint });
  }
  say('running the installer of @tensorflow/tfjs-node-gpu; npm ci will undo what it lays');
  const bin = join(dirname(dirname(installed.folder)), '.bin');
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH ?? ''}` };
  const ran = await runProgram(process.execPath, ['scripts/install.js', 'gpu', 'download'], {
    cwd: installed.folder,
    env,
  });
  if (ran.code === 0 && existsSync(join(installed.folder, 'lib')))
    return ok('the addon of tfjs-node is installed');
  return err({
    message: notReached(ran) ?? `the installer failed:\n${lastLines(ran)}`,
    hint: 'where pip can install tensorflow, `moft backend link` builds the addon without it',
  });
}

/** The installer dumps an error of the network with its stack; what matters of it is the host. */
export function notReached({ stdout, stderr }: Pick<Ran, 'stdout' | 'stderr'>): string | undefined {
  const said = `${stdout}\n${stderr}`;
  const code = /code: '(E[A-Z_]+)'/.exec(said)?.[1];
  const host = /(?:hostname|host): '([^']+)'/.exec(said)?.[1];
  if (code === undefined || host === undefined) return undefined;
  return `the installer fetches libtensorflow from ${host}, which this machine does not reach (${code})`;
}
