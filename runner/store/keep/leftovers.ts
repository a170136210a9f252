/** Files that decide nothing and that nobody needs any more. */
import fs from 'node:fs';
import path from 'node:path';
import type { Key } from '../../pipeline.js';
import type { Context } from '../context.js';
import { attemptsFolder, leaseFolder, names, readJson } from '../layout.js';
import { isRunnerGone } from '../liveness.js';
import type { Runs } from '../types.js';
import { weigh } from './inventory.js';
import { liveRuns } from './live.js';

/** Whether somebody who may live is computing the key. */
export function isLeased(context: Context, key: Key): boolean {
  const folder = leaseFolder(context.root, key);
  const all = names(folder);
  const epoch = highestEpoch(all);
  if (epoch === 0 || all.includes(`${epoch}.released`)) return false;
  const lease = readJson(path.join(folder, String(epoch))) as { runner?: unknown } | null | undefined;
  return typeof lease?.runner !== 'string' || !isRunnerGone(context.root, lease.runner);
}

const epochs = (all: readonly string[]): readonly number[] =>
  all.flatMap((name) => /^(\d+)(?:\.released)?$/.exec(name)?.[1] ?? []).map(Number);
const highestEpoch = (all: readonly string[]): number => Math.max(0, ...epochs(all));

export function findLeftovers(
  context: Context,
  runs: Runs,
  cutoff: number,
  keptBlobs: ReadonlySet<string>,
): readonly { readonly path: string; readonly bytes: number }[] {
  const { root } = context;
  const live = new Set(liveRuns(root, runs).map(({ run }) => run));
  return [
    ...quarantined(root, cutoff),
    ...endedLeases(root),
    ...signsOf(root, live),
    ...tracked(root, live, cutoff),
    ...reportCopies(root, cutoff, keptBlobs),
    ...names(path.join(root, 'attempts'))
      .filter((run) => !live.has(run))
      .flatMap((run) => scratchOf(root, run, cutoff)),
    ...names(path.join(root, 'trash'))
      .filter((runner) => runner !== context.runner && isRunnerGone(root, runner))
      .map((runner) => path.join(root, 'trash', runner)),
  ].map((file) => ({ path: file, bytes: weigh(file).bytes }));
}

/** Copies of reports for a browser, which are named by the beginning of a digest, of those that are no longer kept. */
function reportCopies(root: string, cutoff: number, kept: ReadonlySet<string>): readonly string[] {
  const prefixes = new Set([...kept].map((digest) => digest.slice(0, 16)));
  return names(path.join(root, 'reports'))
    .filter((name) => !prefixes.has(name))
    .map((name) => path.join(root, 'reports', name))
    .filter((folder) => isOlder(folder, cutoff));
}

const quarantined = (root: string, cutoff: number): readonly string[] =>
  names(path.join(root, 'quarantine'))
    .map((name) => path.join(root, 'quarantine', name))
    .filter((file) => isOlder(file, cutoff));

/** Epochs below the highest: the next owner counts on from that one. */
function endedLeases(root: string): readonly string[] {
  return names(path.join(root, 'leases')).flatMap((key) => {
    const all = names(path.join(root, 'leases', key));
    const last = highestEpoch(all);
    return all
      .filter((name) => (epochs([name])[0] ?? last) < last)
      .map((name) => path.join(root, 'leases', key, name));
  });
}

/** What was foreseen of a run and asked of it: read while it goes, by who looks on. */
const signsOf = (root: string, live: ReadonlySet<string>): readonly string[] =>
  names(path.join(root, 'runs')).flatMap((name) => {
    const run = /^(.+)\.(?:outlook|cancel)$/.exec(name)?.[1];
    return run === undefined || live.has(run) ? [] : [path.join(root, 'runs', name)];
  });

/** What was sent of runs that a server has whole: it spares questions to that server, which nobody asks any more. */
const tracked = (root: string, live: ReadonlySet<string>, cutoff: number): readonly string[] =>
  names(path.join(root, 'track'))
    .filter((run) => !live.has(run))
    .map((run) => path.join(root, 'track', run))
    .filter(
      (folder) => isOlder(folder, cutoff) && names(folder).every((name) => isSent(folder, name, cutoff)),
    );

function isSent(folder: string, name: string, cutoff: number): boolean {
  const file = path.join(folder, name);
  if (!isOlder(file, cutoff)) return false;
  const status = readJson(file.replace(/(?:\.status\.json|\.jsonl)$/, '.status.json')) as
    { readonly state?: unknown } | null | undefined;
  return status?.state === 'done';
}

/** Scratch and outputs of attempts that were killed; their logs stay. */
function scratchOf(root: string, run: string, cutoff: number): readonly string[] {
  const folder = attemptsFolder(root, run);
  return names(folder).flatMap((cell) =>
    names(path.join(folder, cell)).flatMap((attempt) =>
      ['scratch', 'outputs']
        .map((name) => path.join(folder, cell, attempt, name))
        .filter((file) => isOlder(file, cutoff)),
    ),
  );
}

function isOlder(file: string, cutoff: number): boolean {
  const stat = fs.lstatSync(file, { throwIfNoEntry: false });
  return stat !== undefined && stat.mtimeMs < cutoff;
}
