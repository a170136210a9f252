/**
 * Checkpoints of a cell: `<family>/<numeric environment>/<try>/<step>/`, with a manifest that is written last. Tries
 * never share a folder; each goes on from the furthest whole checkpoint of any of them. A checkpoint is one of bytes:
 * on another engine, version or processor it would not lead to the same result, so it isn't looked at there.
 */
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson, sha256, type JsonObject } from '../../../schemas/json.js';
import type { Checkpoints } from '../../contract.js';
import { furthestStep, namesIn, removeFolder, sealStep, tryName } from '../../store/checkpoint-folders.js';
import { makeFolder } from '../../store/disk.js';
import { errorCode } from '../../store/problem.js';

export interface CheckpointOptions {
  /** Folder of the family. */
  readonly folder: string;
  /** What a record says of the process and the engine. */
  readonly environment: JsonObject;
  /** Epoch and nonce of the try: no two are the same. */
  readonly epoch: number;
  readonly nonce: string;
  /** Furthest step that the cell may go on from; Infinity where its kind says no extent. */
  readonly most: number;
  /** Another cell may go further than this one. */
  readonly atEnd: boolean;
  /** Milliseconds between two. */
  readonly every: number;
  readonly monotonic: () => number;
  /** Somebody asked for one, or the cell is to stop. */
  readonly asked: () => boolean;
}

export interface KeptCheckpoints extends Checkpoints {
  /** What earlier tries took to get where this one goes on from, as far as that is known. */
  readonly secondsBefore: number;
  /** A try that went wrong by itself would lead there again: what it kept goes. The rest is the runner's to judge. */
  failed(failureClass: string): void;
}

/** What decides the bytes of a step, of all that a record says of its environment. */
function environmentOfSteps(environment: JsonObject): JsonObject {
  const { node } = environment;
  const major = typeof node === 'string' ? (node.split('.')[0] ?? '') : '';
  return Object.fromEntries(
    Object.entries({ ...environment, node: major }).filter(([name]) => name !== 'host'),
  );
}

export function openCheckpoints(options: CheckpointOptions): KeptCheckpoints {
  const numeric = sha256(canonicalJson(environmentOfSteps(options.environment))).slice(0, 16);
  const shared = join(options.folder, numeric);
  const own = join(shared, tryName(options.epoch, options.nonce));
  const from = furthestStep(shared, options.most);
  const secondsBefore = from?.seconds ?? 0;
  const began = options.monotonic();
  let last = began;
  return {
    ...(from ? { from } : {}),
    secondsBefore,
    atEnd: options.atEnd,
    due: () => options.asked() || options.monotonic() - last >= options.every,
    save: async (step, write) => {
      try {
        await save(own, step, async (folder) => {
          await write(folder);
          sealStep(folder, step, secondsBefore + Math.round(options.monotonic() - began) / 1000);
        });
      } finally {
        last = options.monotonic();
      }
    },
    failed: (failureClass) => {
      if (failureClass === 'user' || failureClass === 'internal') removeIfAny(own);
    },
  };
}

/** @param write fills a fresh folder, and seals it */
async function save(own: string, step: number, write: (folder: string) => Promise<void>): Promise<void> {
  const place = join(own, String(step));
  const fresh = `${place}.new`;
  removeFolder(fresh);
  try {
    makeFolder(fresh);
    await write(fresh);
    removeFolder(place);
    renameSync(fresh, place);
  } catch (error) {
    removeIfAny(fresh);
    throw error;
  }
  // The one before stays until this one is whole.
  for (const name of namesIn(own)) if (name !== String(step)) removeFolder(join(own, name));
}

/** What is half written on a disk that takes nothing more has no worth, and what can't be removed does no harm. */
function removeIfAny(folder: string): void {
  try {
    removeFolder(folder);
  } catch {
    // the reason for which it was half written is told
  }
}

const refusals = new Set(['ENOSPC', 'EDQUOT', 'EROFS']);
const isRefusal = (error: unknown): boolean => refusals.has(errorCode(error) ?? '');

/** The same, where a checkpoint that a full disk refuses is said once and costs nothing else: the cell can go on. */
export function sparing(checkpoints: Checkpoints, onNote: (text: string) => void): Checkpoints {
  let told = false;
  return {
    ...checkpoints,
    save: async (step, write) => {
      try {
        await checkpoints.save(step, write);
      } catch (error) {
        if (!isRefusal(error)) throw error;
        if (!told) onNote(`the checkpoint of step ${step} could not be kept: ${(error as Error).message}`);
        told = true;
      }
    },
  };
}

/** For kinds that keep none, and jobs without a folder for them. */
export const noCheckpoints: KeptCheckpoints = {
  secondsBefore: 0,
  atEnd: false,
  due: () => false,
  save: () => Promise.resolve(),
  failed: () => undefined,
};
