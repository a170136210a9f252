/** Reads the fronts that a report compares and sorts them into curves with one replicate a seed. */
import { readFile } from 'node:fs/promises';
import { StageFailure, artifactFile } from '../../runner/contract.js';
import { Front } from '../../schemas/artifact.js';
import { byCodeUnit } from '../../schemas/json.js';
import { matches, mismatch } from '../../schemas/mismatch.js';
import type { GatheredArtifact } from '../../schemas/protocol.js';
import { objectiveSets, withObjectives } from './objectives.js';

/** One front of a curve; `seed` is the coordinate, or `-` where the front has none. */
export interface Replicate {
  readonly seed: string;
  readonly front: Front;
}

/** A variant of the pipeline is compared with its twin, not with every curve. */
export const isVariant = (axes: Readonly<Record<string, string>>): boolean => axes.ablation !== undefined;

/** What is compared: the fronts that agree on every coordinate but the seed. */
export interface Curve {
  readonly name: string;
  readonly method: string;
  readonly stage: string;
  readonly coordinates: Readonly<Record<string, string>>;
  readonly replicates: readonly Replicate[];
}

/** The curves that are compared with each other: those of no variant, where there are any. */
export function mainCurves(curves: readonly Curve[]): readonly Curve[] {
  const base = curves.filter(({ coordinates }) => !isVariant(coordinates));
  return base.length > 0 ? base : curves;
}

interface Item {
  readonly stage: string;
  readonly axes: Readonly<Record<string, string>>;
  readonly replicate: Replicate;
}

/**
 * Curves in the order in which the fronts were gathered, each with its seeds in numeric order, all with the objectives
 * of the first front in its order; curves of variants come last, and may have other objectives.
 * A front that can't be read, other objectives, or a seed that appears twice is a failure of class `user`.
 */
export async function readCurves(fronts: readonly GatheredArtifact[]): Promise<Curve[]> {
  if (fronts.length === 0) throw wrong('report-empty', 'a report needs at least one front, found none');
  const items = await Promise.all(fronts.map(readItem));
  const base = items.filter(({ axes }) => !isVariant(axes));
  const compared = base.length > 0 ? base : items;
  refuseMixedObjectives(compared);
  const objectives = compared[0]?.replicate.front.objectives ?? [];
  const sorted = sortIntoCurves(
    items.map((item) => ({ ...item, replicate: inOrder(item.replicate, objectives) })),
  );
  const last = (curve: Curve): number => Number(isVariant(curve.coordinates));
  return sorted.sort((a, b) => last(a) - last(b));
}

/** The front with its objectives in the given order; those that it alone has follow. */
function inOrder({ seed, front }: Replicate, objectives: readonly string[]): Replicate {
  const shared = objectives.filter((name) => front.objectives.includes(name));
  const own = front.objectives.filter((name) => !objectives.includes(name));
  return { seed, front: withObjectives(front, [...shared, ...own]) };
}

async function readItem(item: GatheredArtifact): Promise<Item> {
  const where = describeCoordinates(item.stage, item.coordinates);
  const text = await readFile(artifactFile(item.artifact, 'front.json'), 'utf8');
  const { seed = '-', ...axes } = item.coordinates;
  return { stage: item.stage, axes, replicate: { seed, front: parseFront(text, where) } };
}

function parseFront(text: string, where: string): Front {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw wrong('report-front', `front.json of ${where} is not JSON`);
  }
  if (!matches(Front, value)) {
    const problem = mismatch(Front, value);
    throw wrong('report-front', `front.json of ${where} is not a front: ${problem}`);
  }
  refuseRaggedPoints(value, where);
  return value;
}

/** A schema can't say that every list has one number an objective. */
function refuseRaggedPoints(front: Front, where: string): void {
  const m = front.objectives.length;
  if (front.points.length === 0) throw wrong('report-front', `front.json of ${where} has no points`);
  for (const point of front.points) {
    const lists = [point.weights, point.rewards, ...(point.stderr ? [point.stderr] : [])];
    if (lists.some((list) => list.length !== m)) {
      throw wrong(
        'report-front',
        `front.json of ${where}: a point at alpha ${point.alpha} has not one number for each of the ${m} objectives`,
      );
    }
  }
}

function refuseMixedObjectives(items: readonly Item[]): void {
  const sets = objectiveSets(items.map((item) => item.replicate.front.objectives));
  if (sets.length < 2) return;
  throw wrong(
    'report-objectives',
    `the fronts of a report must have the same objectives, found ${sets.join(' | ')}`,
  );
}

function sortIntoCurves(items: readonly Item[]): Curve[] {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const identity = describeCoordinates(item.stage, item.axes);
    groups.set(identity, [...(groups.get(identity) ?? []), item]);
  }
  const nameOf = namer(items);
  const names = [...groups].map(([identity, [first]]) => (first ? nameOf(first) : identity));
  const unique = new Set(names).size === names.length;
  return [...groups].map(([identity, members], index) =>
    toCurve(unique ? (names[index] ?? identity) : identity, members),
  );
}

function toCurve(name: string, members: readonly Item[]): Curve {
  const replicates = members.map((member) => member.replicate).sort(bySeed);
  replicates.forEach((replicate, index) => {
    if (replicate.seed !== replicates[index + 1]?.seed) return;
    throw wrong('report-twice', `${name} appears twice at seed ${replicate.seed}; select each front once`);
  });
  const [first] = members;
  return {
    name,
    method: first?.replicate.front.method ?? name,
    stage: first?.stage ?? '',
    coordinates: first?.axes ?? {},
    replicates,
  };
}

/**
 * Names a curve by what tells it from the others: the stage where several are compared, the axis `method`, then
 * the other axes by name, and last the name of the variant. A value that does not begin with a letter is written with its axis (`alpha=0.05`).
 */
function namer(items: readonly Item[]): (item: Item) => string {
  const all = new Set(items.flatMap((item) => Object.keys(item.axes)));
  const axes = [...all].filter((axis) => axis !== 'ablation').sort(methodFirst);
  const varying = axes.filter((axis) => new Set(items.map((item) => item.axes[axis])).size > 1);
  const severalStages = new Set(items.map((item) => item.stage)).size > 1;
  return (item) => {
    const parts = varying.flatMap((axis) => nameValue(axis, item.axes[axis]));
    const named = severalStages ? [item.stage, ...parts] : parts;
    const base = named.join(' ') || item.replicate.front.method;
    return isVariant(item.axes) ? `${base} ${item.axes.ablation ?? ''}` : base;
  };
}

function nameValue(axis: string, value: string | undefined): string[] {
  if (value === undefined) return [];
  return [/^[A-Za-z]/.test(value) ? value : `${axis}=${value}`];
}

function methodFirst(a: string, b: string): number {
  if (a === b) return 0;
  return a === 'method' ? -1 : b === 'method' ? 1 : byCodeUnit(a, b);
}

function bySeed(a: Replicate, b: Replicate): number {
  const difference = Number(a.seed) - Number(b.seed);
  return Number.isNaN(difference) || difference === 0 ? byCodeUnit(a.seed, b.seed) : difference;
}

function describeCoordinates(stage: string, coordinates: Readonly<Record<string, string>>): string {
  const axes = Object.keys(coordinates).sort(byCodeUnit);
  return axes.length === 0
    ? stage
    : `${stage}/${axes.map((axis) => `${axis}=${coordinates[axis] ?? ''}`).join(',')}`;
}

function wrong(code: string, message: string): StageFailure {
  return new StageFailure('user', code, message);
}
