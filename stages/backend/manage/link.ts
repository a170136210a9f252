/** `moft backend link`: the addon of tfjs-node, built here against the TensorFlow that is already on the machine. */
import { createHash } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { err, ok, type Result } from '../../../schemas/result.js';
import { kernelFlags } from '../kernel-build.js';
import { kernelsDigest } from '../kernels-digest.js';
import { addonFile, type LinkedLibrary, type LinkRecord } from '../link-record.js';
import { nativePackageAt } from '../native.js';
import { linkFolder } from '../places.js';
import { compileAddon, findToolchain, missingSymbols } from './addon.js';
import type { EngineProblem } from './problem.js';
import { findTensorFlow } from './python.js';

export interface LinkOptions {
  /** The Python whose TensorFlow it is to be. */
  readonly python: string | undefined;
  /** Folder of the engines. */
  readonly engines: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly say: (line: string) => void;
  /** Starts the engine of another folder of engines in a process of its own: what it is, or what is wrong. */
  readonly prove: (engines: string) => Promise<Result<string, string>>;
}

/** Nothing is in place before it has computed; what was linked before stays until then. */
export async function linkTensorFlow(options: LinkOptions): Promise<Result<LinkRecord, EngineProblem>> {
  const trial = join(options.engines, `.new-${process.pid}`);
  try {
    mkdirSync(linkFolder(trial), { recursive: true });
    const record = await build(options, linkFolder(trial));
    if (!record.ok) return record;
    writeFileSync(join(linkFolder(trial), 'link.json'), `${JSON.stringify(record.value, undefined, 2)}\n`);
    const proof = await options.prove(trial);
    if (!proof.ok) return err({ message: `the addon compiles and does not run: ${proof.error}` });
    options.say(`proved: ${proof.value} multiplies and differentiates`);
    moveIntoPlace(linkFolder(trial), linkFolder(options.engines));
    return record;
  } finally {
    rmSync(trial, { recursive: true, force: true });
  }
}

async function build(
  { python, env, say }: LinkOptions,
  folder: string,
): Promise<Result<LinkRecord, EngineProblem>> {
  const installed = nativePackageAt();
  if (!installed) {
    const hint = 'npm ci --include=optional brings it';
    return err({ message: 'the optional package @tensorflow/tfjs-node-gpu is not installed', hint });
  }
  const tools = await findToolchain(env);
  if (!tools.ok) return tools;
  const tensorflow = await findTensorFlow(python);
  if (!tensorflow.ok) return tensorflow;
  const { version, folder: at, libraries } = tensorflow.value;
  say(`TensorFlow ${version} in ${at}`);
  say(
    `compiling with ${tools.value.version}: the addon of tfjs-node ${installed.version}, and kernels of moft`,
  );
  const target = join(folder, addonFile);
  const compiled = await compileAddon({
    package: installed.folder,
    tensorflow: tensorflow.value,
    tools: tools.value,
    target,
  });
  if (!compiled.ok) return compiled;
  const missing = await missingSymbols(target, libraries);
  if (!missing.ok) return missing;
  if (missing.value.length > 0) {
    return err({
      message: `TensorFlow ${version} does not export ${missing.value.join(', ')}`,
      hint: 'try another version of TensorFlow',
    });
  }
  say('all symbols are there');
  const linked: LinkedLibrary[] = [];
  for (const path of libraries) linked.push(await describeLibrary(path));
  return ok({
    v: 1,
    tfjs: installed.version,
    tensorflow: version,
    compiler: tools.value.version,
    libraries: linked,
    kernels: kernelsDigest,
    flags: kernelFlags,
  });
}

export async function describeLibrary(path: string): Promise<LinkedLibrary> {
  const { size, mtimeMs } = statSync(path);
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 2 ** 20 }), hash);
  return { path, bytes: size, modified: Math.trunc(mtimeMs), sha256: hash.digest('hex') };
}

function moveIntoPlace(from: string, to: string): void {
  const old = `${to}.old-${process.pid}`;
  if (existsSync(to)) renameSync(to, old);
  renameSync(from, to);
  rmSync(old, { recursive: true, force: true });
}
