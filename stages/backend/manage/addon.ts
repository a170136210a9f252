/** Compiles the binding of tfjs-node against an installed TensorFlow, and checks that every symbol it wants is there. */
import { existsSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { err, ok, type Result } from '../../../schemas/result.js';
import { instructionSets } from '../kernel-build.js';
import type { EngineProblem } from './problem.js';
import { lastLines, runProgram } from './programs.js';
import { libraryNames, type InstalledTensorFlow } from './python.js';

export interface Toolchain {
  readonly compiler: string;
  /** First line of what it says of itself. */
  readonly version: string;
  /** Folder of node_api.h. */
  readonly headers: string;
}

/** A C++ compiler, nm, and the headers of Node-API. */
export async function findToolchain(
  env: Readonly<Record<string, string | undefined>>,
): Promise<Result<Toolchain, EngineProblem>> {
  if (process.platform !== 'linux') {
    return err({
      message: `linking is known on Linux only, this is ${process.platform}`,
      hint: 'moft backend install tensorflow fetches a built addon, where there is one',
    });
  }
  const headers = findHeaders();
  if (headers === undefined) {
    return err({
      message: 'the headers of Node-API (node_api.h) are missing',
      hint: 'npm ci --include=optional brings them (node-api-headers)',
    });
  }
  const compilers = env.CXX === undefined || env.CXX === '' ? ['g++', 'c++', 'clang++'] : [env.CXX];
  for (const compiler of compilers) {
    const ran = await runProgram(compiler, ['--version'], { timeout: 60_000 });
    if (ran.code !== 0) continue;
    if ((await runProgram('nm', ['--version'])).code !== 0)
      return err({ message: 'the program nm is missing', hint: 'install binutils' });
    return ok({ compiler, version: ran.stdout.split('\n')[0] ?? '', headers });
  }
  return err({
    message: `there is no C++ compiler: tried ${compilers.join(', ')}`,
    hint: 'install g++ (Debian: apt-get install g++), or name one in CXX',
  });
}

/** Those of this Node, where its distribution brings them; else those of npm. */
function findHeaders(): string | undefined {
  const own = join(dirname(dirname(process.execPath)), 'include', 'node');
  if (existsSync(join(own, 'node_api.h'))) return own;
  try {
    return join(dirname(createRequire(import.meta.url).resolve('node-api-headers/package.json')), 'include');
  } catch {
    return undefined;
  }
}

export interface AddonSource {
  /** Folder of the package tfjs-node. */
  readonly package: string;
  readonly tensorflow: InstalledTensorFlow;
  readonly tools: Toolchain;
  /** The addon to write. */
  readonly target: string;
}

/** Takes a few seconds: the addon of tfjs-node, with our kernels for each set of instructions of this architecture. */
export async function compileAddon(source: AddonSource): Promise<Result<void, EngineProblem>> {
  const { target, tensorflow } = source;
  const units = unitsOf(source).map((unit, i) => ({ ...unit, object: `${target}.${i}.o` }));
  const failed = await Promise.all(
    units.map(({ file, flags, object }) => compile(source, [...flags, '-c', file, '-o', object])),
  );
  const linked = [
    ...['-shared', ...units.map(({ object }) => object), '-o', target],
    ...[`-L${tensorflow.folder}`, ...libraryNames.map((name) => `-l:${name}`)],
    ...[`-Wl,-rpath,${tensorflow.folder}`, '-pthread'],
  ];
  const problem = failed.find((found) => found !== undefined) ?? (await compile(source, linked));
  for (const { object } of units) rmSync(object, { force: true });
  return problem ? err(problem) : ok(undefined);
}

/** Beside the sources of this package, wherever this module was built to. */
export function kernelsFolder(): string {
  const inPackage = join('stages', 'backend', 'kernels');
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, inPackage, 'kernels.cc')) && dirname(folder) !== folder)
    folder = dirname(folder);
  return join(folder, inPackage);
}

interface Unit {
  readonly file: string;
  readonly flags: readonly string[];
}

function unitsOf({ package: folder, tensorflow, tools }: AddonSource): readonly Unit[] {
  const kernels = kernelsFolder();
  const include = [tools.headers, folder, dirname(folder), join(tensorflow.folder, 'include')];
  const common = ['-std=gnu++17', '-fPIC', ...include.map((path) => `-I${path}`)];
  const napi = ['-DNAPI_VERSION=8', '-DBUILDING_NODE_EXTENSION', '-DNODE_GYP_MODULE_NAME=tfjs_binding'];
  const choice = instructionSets.length > 1 ? ['-DMOFT_X86'] : [];
  return [
    ...['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => ({
      file: join(folder, 'binding', name),
      flags: [...common, '-O2', ...napi],
    })),
    { file: join(kernels, 'base.cc'), flags: [...common, '-O2', ...choice] },
    ...instructionSets.map(({ lists, flags }) => ({
      file: join(kernels, 'kernels.cc'),
      flags: [...common, ...flags, `-DMOFT_KERNELS=${lists}`],
    })),
  ];
}

/** What is wrong, or undefined. */
async function compile(
  { tools, tensorflow }: AddonSource,
  args: readonly string[],
): Promise<EngineProblem | undefined> {
  const ran = await runProgram(tools.compiler, args);
  if (ran.code === 0) return undefined;
  return {
    message: `${tools.compiler} does not compile the addon against TensorFlow ${tensorflow.version}:\n${lastLines(ran)}`,
  };
}

/** Symbols of TensorFlow that the addon wants and neither library exports. */
export async function missingSymbols(
  addon: string,
  libraries: readonly string[],
): Promise<Result<string[], EngineProblem>> {
  const wanted = await symbols(addon, '--undefined-only');
  if (!wanted.ok) return wanted;
  const exported = new Set<string>();
  for (const library of libraries) {
    const found = await symbols(library, '--defined-only');
    if (!found.ok) return found;
    for (const name of found.value) exported.add(name);
  }
  const ours = wanted.value.filter((name) => /^TFE?_/.test(name));
  if (ours.length === 0)
    return err({ message: `${addon} calls nothing of TensorFlow: it is no addon of tfjs-node` });
  return ok(ours.filter((name) => !exported.has(name)));
}

async function symbols(file: string, which: string): Promise<Result<string[], EngineProblem>> {
  const ran = await runProgram('nm', ['--dynamic', which, '--format=just-symbols', file]);
  if (ran.code !== 0) return err({ message: `nm cannot read ${file}: ${lastLines(ran, 1)}` });
  return ok(ran.stdout.split('\n').map((line) => line.trim().split(/[@ ]/)[0] ?? ''));
}
