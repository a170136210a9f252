/** What `moft backend link` writes beside the addon it built, and whether that still holds. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { kernelFlags } from './kernel-build.js';
import { kernelsDigest } from './kernels-digest.js';
import { linkFolder } from './places.js';

export interface LinkedLibrary {
  readonly path: string;
  readonly bytes: number;
  /** Milliseconds; with the size, it tells a replaced file at every start, which a digest of 800 MB cannot. */
  readonly modified: number;
  readonly sha256: string;
}

export interface LinkRecord {
  readonly v: 1;
  /** Versions of tfjs-node, whose addon it is, and of the TensorFlow it was linked with. */
  readonly tfjs: string;
  readonly tensorflow: string;
  /** What the compiler says of itself. */
  readonly compiler: string;
  readonly libraries: readonly LinkedLibrary[];
  /** Digest of the sources of our kernels in it. */
  readonly kernels: string;
  /** What they were compiled with. */
  readonly flags: string;
}

export const addonFile = 'tfjs_binding.node';

/** The record, or undefined where nothing was linked or it cannot be read. */
export function readLink(engines?: string): LinkRecord | undefined {
  try {
    const record = JSON.parse(
      readFileSync(join(linkFolder(engines), 'link.json'), 'utf8'),
    ) as Partial<LinkRecord>;
    return record.v === 1 ? (record as LinkRecord) : undefined;
  } catch {
    return undefined;
  }
}

/** Why the addon must not be loaded, or undefined. */
export function staleLink(record: LinkRecord, tfjs: string): string | undefined {
  if (record.tfjs !== tfjs) return `it was built for tfjs-node ${record.tfjs}, and ${tfjs} is installed`;
  if (record.kernels !== kernelsDigest) return 'moft has other kernels for it now';
  if (record.flags !== kernelFlags) return 'moft compiles its kernels otherwise now';
  for (const { path, bytes, modified } of record.libraries) {
    const file = statSync(path, { throwIfNoEntry: false });
    if (!file) return `${path} is gone`;
    if (file.size !== bytes || Math.trunc(file.mtimeMs) !== modified) return `${path} has changed since`;
  }
  return undefined;
}
