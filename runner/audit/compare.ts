/** Compares two results of one key, file by file, within what their kind tolerates. */
import type { ArtifactType } from '../../schemas/artifact.js';
import type { RecordedArtifact, ResultRecord } from '../../schemas/protocol.js';
import { err, ok, type Result } from '../../schemas/result.js';
import type { Tolerance } from '../contract.js';
import type { Cas, StoreProblem } from '../store/index.js';
import { differingFields, type Field } from './fields.js';

export interface Difference {
  /** `scores`, or `policy/shared.safetensors` of an output that is a folder. */
  readonly file: string;
  /** Where in the file; absent where it differs as a whole. */
  readonly field?: string;
  readonly before: string;
  readonly after: string;
  /** How far two numbers are apart. */
  readonly distance?: number;
}

export interface Comparison {
  readonly verdict: 'same' | 'within' | 'different';
  /** Of numbers that differ, the furthest apart. */
  readonly largest?: Difference;
  /** What is beyond the tolerance. */
  readonly differences: readonly Difference[];
}

/**
 * Same bytes; nothing but numbers that differ by no more than `absolute + relative * max(|a|, |b|)`; or different, as
 * all other bytes are where nothing is tolerated. Errors: a blob of either result is missing or corrupt.
 */
export function compareResults(
  cas: Cas,
  { before, after }: { readonly before: ResultRecord; readonly after: ResultRecord },
  tolerance?: Tolerance,
): Result<Comparison, StoreProblem> {
  const found: Judged[] = [];
  for (const artifact of before.artifacts) {
    const other = after.artifacts.find(({ name }) => name === artifact.name);
    if (!other || other.digest === artifact.digest) continue;
    const files = filePairs(cas, artifact, other);
    if (!files.ok) return files;
    for (const pair of files.value) {
      const judged = comparePair(cas, pair, tolerance);
      if (!judged.ok) return judged;
      found.push(...judged.value);
    }
  }
  return ok(summarise(found));
}

interface Judged {
  readonly difference: Difference;
  readonly tolerated: boolean;
}

function summarise(found: readonly Judged[]): Comparison {
  const beyond = found.filter(({ tolerated }) => !tolerated).map(({ difference }) => difference);
  const [largest] = found
    .map(({ difference }) => difference)
    .filter(({ distance }) => distance !== undefined)
    .sort((a, b) => (b.distance ?? 0) - (a.distance ?? 0));
  const verdict = found.length === 0 ? 'same' : beyond.length === 0 ? 'within' : 'different';
  return { verdict, ...(largest ? { largest } : {}), differences: beyond };
}

/** Digests of one file in both results; undefined where one lacks it. */
interface Pair {
  readonly file: string;
  readonly before?: string | undefined;
  readonly after?: string | undefined;
}

function filePairs(
  cas: Cas,
  before: RecordedArtifact,
  after: RecordedArtifact,
): Result<readonly Pair[], StoreProblem> {
  const [a, b] = [filesOf(cas, before), filesOf(cas, after)];
  if (!a.ok) return a;
  if (!b.ok) return b;
  const names = new Set([...a.value.keys(), ...b.value.keys()]);
  const pairs = [...names].map((name) => ({
    file: name === '' ? before.name : `${before.name}/${name}`,
    before: a.value.get(name),
    after: b.value.get(name),
  }));
  const differing = pairs.filter((pair) => pair.before !== pair.after);
  // Empty folders, links and the right to be executed stand in the listing alone.
  return ok(differing.length > 0 ? differing : [{ file: `${before.name}/`, before: '', after: '' }]);
}

const digestIn = (blob: string): string => blob.slice(blob.lastIndexOf('/') + 1);

function filesOf(
  cas: Cas,
  { type, digest }: { readonly type: ArtifactType; readonly digest: string },
): Result<ReadonlyMap<string, string>, StoreProblem> {
  const found = cas.artifactRef(type, digest);
  if (!found.ok) return found;
  const files = Object.entries(found.value.files ?? { '': found.value.path });
  return ok(new Map(files.map(([name, blob]) => [name, digestIn(blob)])));
}

function comparePair(
  cas: Cas,
  { file, before, after }: Pair,
  tolerance: Tolerance | undefined,
): Result<readonly Judged[], StoreProblem> {
  const whole: Judged = {
    difference: { file, before: describe(before), after: describe(after) },
    tolerated: false,
  };
  if (!before || !after) return ok([whole]);
  const [a, b] = [cas.read(before), cas.read(after)];
  if (!a.ok) return err(a.error);
  if (!b.ok) return err(b.error);
  const fields = differingFields(file, a.value, b.value);
  // Of another format, or differences that only the bytes have, such as blanks.
  if (!fields || fields.length === 0) return ok([whole]);
  return ok(fields.map((field) => judge(file, field, tolerance)));
}

const describe = (digest: string | undefined): string =>
  digest === undefined ? 'no file' : digest === '' ? 'its listing' : `sha256 ${digest.slice(0, 12)}`;

function judge(file: string, { field, before, after }: Field, tolerance: Tolerance | undefined): Judged {
  const where = { file, ...(field === '' ? {} : { field }), before: show(before), after: show(after) };
  if (typeof before !== 'number' || typeof after !== 'number') return { difference: where, tolerated: false };
  const off = Math.abs(before - after);
  const distance = Number.isNaN(off) ? Infinity : off;
  const tolerated = tolerance !== undefined && distance <= most(tolerance, before, after);
  return { difference: { ...where, distance }, tolerated };
}

const most = ({ absolute, relative }: Tolerance, a: number, b: number): number =>
  absolute + relative * Math.max(Math.abs(a), Math.abs(b));

function show(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}
