/** TensorFlow through the addon of tfjs-node: the one that was linked here, or that of the package's own installer. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { err, ok, type Result } from '../../schemas/result.js';
import type { EngineInfo } from './engine-info.js';
import { registerNativeKernels } from './fused.js';
import { instructionSets, kernelBuild } from './kernel-build.js';
import { addonFile, readLink, staleLink, type LinkRecord } from './link-record.js';
import { openNativeCall, type NativeBackend } from './native-call.js';
import { linkFolder } from './places.js';
import { proveEngine } from './proof.js';
import { tf } from './tf.js';

const require = createRequire(import.meta.url);
const nativePackage = '@tensorflow/tfjs-node-gpu';
const remedy = 'build it with `moft backend link`, or fetch it with `moft backend install tensorflow`';

/** An addon that may be loaded. */
export interface NativeAddon {
  readonly path: string;
  /** Absent: the package's own installer laid it. */
  readonly link?: LinkRecord;
}

/** Folder and version of tfjs-node; undefined where the optional package was left out. */
export function nativePackageAt(): { readonly folder: string; readonly version: string } | undefined {
  try {
    const file = require.resolve(`${nativePackage}/package.json`);
    const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
    return { folder: dirname(file), version };
  } catch {
    return undefined;
  }
}

/**
 * The addon to load, undefined where there is none. A linked one comes first, and one that is stale is refused
 * rather than passed over.
 */
export function findAddon(engines?: string): Result<NativeAddon | undefined, string> {
  const installed = nativePackageAt();
  if (!installed) return ok(undefined);
  const link = readLink(engines);
  if (link) {
    const stale = staleLink(link, installed.version);
    if (stale !== undefined)
      return err(`the linked addon is refused: ${stale}; run \`moft backend link\` again`);
    return ok({ path: join(linkFolder(engines), addonFile), link });
  }
  const own = [...Array(8).keys()].map((i) => join(installed.folder, 'lib', `napi-v${8 - i}`, addonFile));
  const path = own.find((file) => existsSync(file));
  return ok(path === undefined ? undefined : { path });
}

/** Loads the addon and proves it. */
export async function startNative(): Promise<Result<EngineInfo, string>> {
  const addon = findAddon();
  if (!addon.ok) return addon;
  if (!addon.value) return err(`${nativePackage} has no addon here; ${remedy}`);
  const { link } = addon.value;
  let kernels = '';
  try {
    load(addon.value.path);
    if (!(await tf.setBackend('tensorflow'))) return err(`${nativePackage} registers no backend`);
    // On a GPU tensors lie elsewhere, and operations of TensorFlow's own are what runs there.
    if (link?.kernels !== undefined && !onGpu()) {
      registerNativeKernels('tensorflow', openNativeCall);
      kernels = `, kernels ${kernelBuild(link)} for ${instructionsHere()}`;
    }
  } catch (error) {
    return err(firstLine(error));
  }
  const version = nativeVersion();
  const expected = link?.tensorflow ?? version;
  if (version !== expected)
    return err(`the addon was linked with TensorFlow ${expected} and loads ${version}`);
  const wrong = proveEngine();
  if (wrong !== undefined) return err(`TensorFlow ${version} ${wrong}`);
  return ok({
    backend: 'tensorflow',
    version: `${tf.version_core} on TensorFlow ${version}${kernels}`,
    threads: 0,
    device: onGpu() ? 'a GPU' : 'the CPU: TensorFlow sees no GPU',
  });
}

function load(path: string): void {
  mendNodeUtil();
  // TensorFlow greets on stderr at its lowest level.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '1';
  const from = createRequire(require.resolve(`${nativePackage}/package.json`));
  // What the package itself looks through; its own entry shows this function by a getter.
  const locator = from('@mapbox/node-pre-gyp/lib/pre-binding.js') as { find: (manifest: string) => string };
  const find = locator.find;
  locator.find = () => path;
  try {
    require(nativePackage);
  } finally {
    locator.find = find;
  }
}

function onGpu(): boolean {
  return (tf.backend() as unknown as NativeBackend).isUsingGpuDevice;
}

/** The set of instructions that the addon chose of this processor's: each rounds in its own way. */
function instructionsHere(): string {
  const chosen = tf.tidy(() => openNativeCall(tf.backend(), {}).one('Instructions', []).dataSync()[0]);
  const set = instructionSets[chosen ?? -1];
  if (!set) throw new Error('internal error: the addon chose instructions of no known set; please report it');
  return set.name;
}

/** Of the library that the addon was linked with: the package's own number says nothing about it. */
function nativeVersion(): string {
  const { binding } = tf.backend() as unknown as { readonly binding?: { readonly TF_Version?: string } };
  return binding?.TF_Version ?? 'of unknown version';
}

/** tfjs-node calls util.isNullOrUndefined, which is gone from Node 23 on. */
function mendNodeUtil(): void {
  const util = require('node:util') as { isNullOrUndefined?: (x: unknown) => boolean };
  util.isNullOrUndefined ??= (x) => x === null || x === undefined;
}

export function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
