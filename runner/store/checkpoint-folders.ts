/**
 * Checkpoints as they lie: `checkpoints/<family>/<numeric environment>/<try>/<step>/`, with a manifest that is written
 * last and has the digest of each file.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson } from '../../schemas/json.js';

export interface KeptStep {
  readonly step: number;
  readonly folder: string;
}

const manifest = 'manifest.json';

/** Makes the checkpoint of a folder whole. */
export function sealStep(folder: string, step: number): void {
  const files = Object.fromEntries(namesIn(folder).map((name) => [name, digestOf(join(folder, name))]));
  writeFileSync(join(folder, manifest), canonicalJson({ v: 1, step, files }));
}

/** Steps of a try, whole or not. */
export const stepsIn = (attempt: string): readonly KeptStep[] =>
  namesIn(attempt)
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ step: Number(name), folder: join(attempt, name) }));

/** The furthest checkpoint of a numeric environment, no further than `most`, of which every byte is as it was written. */
export function furthestStep(shared: string, most: number): KeptStep | undefined {
  const found = namesIn(shared)
    .flatMap((attempt) => stepsIn(join(shared, attempt)))
    .filter(({ step }) => step <= most)
    .sort((a, b) => b.step - a.step);
  return found.find(isWhole);
}

function isWhole({ step, folder }: KeptStep): boolean {
  try {
    const {
      v,
      step: written,
      files,
    } = JSON.parse(readFileSync(join(folder, manifest), 'utf8')) as {
      v?: unknown;
      step?: unknown;
      files?: Readonly<Record<string, string>>;
    };
    if (v !== 1 || written !== step || files === undefined) return false;
    return Object.entries(files).every(([name, digest]) => digestOf(join(folder, name)) === digest);
  } catch {
    return false;
  }
}

const digestOf = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');
export const namesIn = (folder: string): readonly string[] =>
  existsSync(folder) ? readdirSync(folder).sort() : [];
