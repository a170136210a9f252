/** Everything that is known of a cell: what it was given, what its attempts said, what it left. */
import fs from 'node:fs';
import type { Json, JsonObject } from '../../../schemas/json.js';
import type { Job, ResultRecord, StageEvent } from '../../../schemas/protocol.js';
import { Tail, type Attempt, type Store } from '../../store/index.js';
import { stageEvent } from '../follow.js';
import type { CellPicture } from './picture.js';

export type Metric = Extract<StageEvent, { type: 'metric' }>;
export type Sample = Extract<StageEvent, { type: 'sample' }>;
export type Note = Extract<StageEvent, { type: 'note' }>;

/** Of its newest attempt; undefined where it can't be read. */
export function jobOf(attempt: Attempt | undefined): Job | undefined {
  if (!attempt) return undefined;
  try {
    return JSON.parse(fs.readFileSync(attempt.job, 'utf8')) as Job;
  } catch {
    return undefined;
  }
}

/** Samples and notes that are kept of a cell: the last of each. */
const mostKept = 500;

export interface CellStory {
  readonly cell: CellPicture;
  /** The kind, its values, its inputs. */
  readonly job?: Job;
  readonly record?: ResultRecord;
  readonly samples: readonly Sample[];
  readonly notes: readonly Note[];
  /** The last point of each metric, by name. */
  readonly last: ReadonlyMap<string, Metric>;
}

/** Reads a cell that has ended. */
export function storyOf(store: Store, run: string, cell: CellPicture): CellStory {
  const attempts = store.attempts.list(run, cell.id);
  let samples: Sample[] = [];
  let notes: Note[] = [];
  const last = new Map<string, Metric>();
  for (const attempt of attempts) {
    const tail = new Tail(attempt.events);
    // A stretch at a time: the whole of a long training is too much for memory.
    for (let lines = tail.read(); lines.length > 0; lines = tail.read()) {
      for (const event of lines.map(stageEvent)) {
        if (event?.type === 'sample') samples.push(event);
        if (event?.type === 'note') notes.push(event);
        if (event?.type === 'metric') last.set(event.name, event);
      }
      samples = samples.slice(-mostKept);
      notes = notes.slice(-mostKept);
    }
  }
  const job = jobOf(attempts.at(-1));
  return {
    cell,
    ...(job ? { job } : {}),
    ...recordOf(store, cell),
    samples,
    notes,
    last,
  };
}

/** The record of a cell that has one, wherever it was made. */
export function recordOf(store: Store, { key, end }: CellPicture): Pick<CellStory, 'record'> {
  const record = key && end?.record !== undefined ? store.records.read(key, end.record)?.record : undefined;
  return record ? { record } : {};
}

/** `{sampling: {weights: {dirichlet: 1}}}` as `sampling.weights.dirichlet`: `1`; lists as JSON. */
export function flattened(values: JsonObject, prefix = ''): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => {
      const at = `${prefix}${name}`;
      if (isMap(value)) return Object.entries(flattened(value, `${at}.`));
      return [[at, typeof value === 'string' ? value : JSON.stringify(value)]];
    }),
  );
}

const isMap = (value: Json): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
