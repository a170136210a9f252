/**
 * What the server would answer with 200 and store as something else is refused here, in words: a fractional step makes
 * it drop the rest of the message, an unknown status is ignored, a long value is cut without a word.
 */
import { err, ok, type Result } from '../../../schemas/result.js';
import { problem, type MlflowProblem } from './problem.js';
import { runStatuses, type Metric, type Pairs, type RunStatus } from './types.js';

export const limits = {
  name: 250,
  param: 6_000,
  tag: 8_000,
  experimentTag: 20_000,
  datasetDigest: 36,
  metricsPerCall: 1_000,
  paramsPerCall: 100,
  tagsPerCall: 100,
  entitiesPerCall: 1_000,
  /** Of a JSON body; the server takes a million. */
  bytesPerCall: 900_000,
} as const;

const invalid = (message: string, hint?: string): Result<never, MlflowProblem> =>
  err(problem('invalid', message, { hint }));

/** Letters of all scripts, as Python's `\w`; no colon, which servers on Windows refuse. */
const plainName = /^[/\p{L}\p{N}_.\- ]+$/u;

/** Whether the server takes it as the name of a metric, a param or a tag, wherever it runs. */
export function isName(name: string): boolean {
  const parts = name.split('/');
  return (
    plainName.test(name) &&
    name.length <= limits.name &&
    !name.startsWith('..') &&
    parts.every((part) => part !== '' && part !== '.' && part !== '..')
  );
}

const surrogate = /\p{Surrogate}/gu;

/** Text as the server keeps it: half a surrogate pair, which it would turn into nothing, shows as one. */
export const wellFormed = (text: string): string => text.replace(surrogate, '\uFFFD');

/** In quotes for a filter. */
export function quoted(text: string): string {
  return text.includes("'") ? `"${text.replaceAll('"', '')}"` : `'${text}'`;
}

export function checkTime(what: string, time: number): Result<number, MlflowProblem> {
  if (Number.isSafeInteger(time) && time >= 0) return ok(time);
  return invalid(`${what} takes whole milliseconds since 1970, found ${time}`);
}

export function checkStatus(status: RunStatus): Result<RunStatus, MlflowProblem> {
  if (runStatuses.includes(status)) return ok(status);
  return invalid(`a run has no status ${JSON.stringify(status)}`);
}

function checkName(what: string, name: string): Result<string, MlflowProblem> {
  if (isName(name)) return ok(name);
  return invalid(
    `${JSON.stringify(name)} can't be the name of a ${what}`,
    'letters, digits, `_`, `-`, `.`, `/` and spaces, at most 250 of them; `fitting` rewrites names',
  );
}

export interface WireMetric {
  readonly key: string;
  readonly value: number | 'NaN' | 'Infinity' | '-Infinity';
  readonly timestamp: number;
  readonly step: number;
  readonly model_id?: string;
}

/** JSON has no word for NaN and the infinities; the server reads these. */
function wireValue(value: number): WireMetric['value'] {
  if (Number.isFinite(value)) return value;
  if (Number.isNaN(value)) return 'NaN';
  return value > 0 ? 'Infinity' : '-Infinity';
}

export function wireMetric({
  key,
  value,
  timestamp,
  step,
  model,
}: Metric): Result<WireMetric, MlflowProblem> {
  const name = checkName('metric', key);
  if (!name.ok) return name;
  const time = checkTime(`the metric ${key}`, timestamp);
  if (!time.ok) return time;
  if (!Number.isSafeInteger(step)) return invalid(`the metric ${key} takes whole steps, found ${step}`);
  return ok({
    key,
    value: wireValue(value),
    timestamp,
    step,
    ...(model === undefined ? {} : { model_id: model }),
  });
}

export interface WirePair {
  readonly key: string;
  readonly value: string;
}

export function wirePairs(what: 'param' | 'tag', pairs: Pairs): Result<readonly WirePair[], MlflowProblem> {
  const most = limits[what];
  const wired: WirePair[] = [];
  for (const [key, value] of Object.entries(pairs)) {
    const name = checkName(what, key);
    if (!name.ok) return name;
    if (value.length > most)
      return invalid(`the ${what} ${key} has ${value.length} characters, of which ${most} are kept`);
    if (wellFormed(value) !== value)
      return invalid(`the ${what} ${key} holds half of a surrogate pair, which would be dropped`);
    wired.push({ key, value });
  }
  return ok(wired);
}

/** All values, or the first problem. */
export function all<T, U>(
  items: readonly T[],
  each: (item: T) => Result<U, MlflowProblem>,
): Result<readonly U[], MlflowProblem> {
  const values: U[] = [];
  for (const item of items) {
    const value = each(item);
    if (!value.ok) return value;
    values.push(value.value);
  }
  return ok(values);
}
