/**
 * Checkpoints as they lie: `checkpoints/<family>/<numeric environment>/<try>/<step>/`, with a manifest that is written
 * last and has the digest of each file.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson } from '../../schemas/json.js';
import { digestOfFile } from './file-digest.js';

export interface KeptStep {
  readonly step: number;
  readonly folder: string;
}

/** One of which every byte is as it was written. */
export interface WholeStep extends KeptStep {
  /** What it took to get there, through all tries; absent where it is older than that figure. */
  readonly seconds?: number;
}

const manifest = 'manifest.json';

/** Folder of a try in each numeric environment; of epoch and nonce no two are the same. */
export const tryName = (epoch: number, nonce: string): string => `${epoch}-${nonce.slice(0, 8)}`;

/**
 * Makes the checkpoint of a folder whole.
 *
 * @param seconds what it took to get there, through all tries
 */
export function sealStep(folder: string, step: number, seconds: number): void {
  const files = Object.fromEntries(namesIn(folder).map((name) => [name, digestOfFile(join(folder, name))]));
  writeFileSync(join(folder, manifest), canonicalJson({ v: 1, step, seconds, files }));
}

/** Steps of a try, whole or not. */
export const stepsIn = (attempt: string): readonly KeptStep[] =>
  namesIn(attempt)
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ step: Number(name), folder: join(attempt, name) }));

/** The furthest whole checkpoint of a numeric environment, no further than `most`. */
export function furthestStep(shared: string, most: number): WholeStep | undefined {
  const found = namesIn(shared)
    .flatMap((attempt) => stepsIn(join(shared, attempt)))
    .filter(({ step }) => step <= most)
    .sort((a, b) => b.step - a.step);
  for (const one of found) {
    const whole = wholeStep(one);
    if (whole) return whole;
  }
  return undefined;
}

/** How far the checkpoints of a family go, in any environment, no further than `most`; their bytes are not read. */
export function stepsKept(family: string, most: number): number | undefined {
  const steps = namesIn(family)
    .map((numeric) => join(family, numeric))
    .flatMap((shared) => namesIn(shared).flatMap((attempt) => stepsIn(join(shared, attempt))))
    .filter(({ step, folder }) => step <= most && existsSync(join(folder, manifest)))
    .map(({ step }) => step);
  return steps.length === 0 ? undefined : Math.max(...steps);
}

/**
 * Removes what a finished cell needs no more: everything; or, where cells that go further share the family, of each
 * numeric environment all but the furthest.
 *
 * @param most how far the finished cell went, where others may go on from there: what is beyond is none of its business
 */
export function removeSpent(family: string, most?: number): void {
  if (most === undefined) {
    removeFolder(family);
    return;
  }
  for (const shared of namesIn(family).map((name) => join(family, name))) {
    const kept = furthestStep(shared, Infinity)?.folder;
    for (const attempt of namesIn(shared).map((name) => join(shared, name))) {
      for (const { step, folder } of stepsIn(attempt))
        if (step <= most && folder !== kept) removeFolder(folder);
      if (namesIn(attempt).length === 0) removeFolder(attempt);
    }
  }
}

/** Removes what one try kept, in whatever environment; the others of the family may be at work. */
export function removeTry(family: string, name: string): void {
  for (const numeric of namesIn(family)) removeFolder(join(family, numeric, name));
}

export const removeFolder = (folder: string): void => rmSync(folder, { recursive: true, force: true });

function wholeStep({ step, folder }: KeptStep): WholeStep | undefined {
  try {
    const {
      v,
      step: written,
      seconds,
      files,
    } = JSON.parse(readFileSync(join(folder, manifest), 'utf8')) as {
      v?: unknown;
      step?: unknown;
      seconds?: unknown;
      files?: Readonly<Record<string, string>>;
    };
    if (v !== 1 || written !== step || files === undefined) return undefined;
    const isIntact = Object.entries(files).every(
      ([name, digest]) => digestOfFile(join(folder, name)) === digest,
    );
    if (!isIntact) return undefined;
    return { step, folder, ...(typeof seconds === 'number' ? { seconds } : {}) };
  } catch {
    return undefined;
  }
}

export const namesIn = (folder: string): readonly string[] =>
  existsSync(folder) ? readdirSync(folder).sort() : [];
