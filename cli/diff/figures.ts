/** Results of cells that both sides have: what was measured last in each, and the mean of a front over its points. */
import { readFileSync } from 'node:fs';
import type { CellId } from '../../runner/pipeline.js';
import type { DiffCell, DiffSide } from '../../runner/plan/index.js';
import type { Store, StoredRecord } from '../../runner/store/index.js';
import { stageEvent } from '../../runner/track/follow.js';

export interface FigureChange {
  readonly id: CellId;
  readonly figure: string;
  readonly before: number;
  readonly after: number;
}

interface Side {
  readonly side: DiffSide;
  readonly store: Store;
}

/** Figures that differ, in the order of b. */
export function compareFigures(a: Side, b: Side): readonly FigureChange[] {
  return [...b.side.values()].flatMap(({ id, record }) => {
    const before = a.side.get(id)?.record;
    if (!before || !record || before.digest === record.digest) return [];
    const old = figuresOf(id, before, a.store);
    return [...figuresOf(id, record, b.store)].flatMap(([figure, after]) => {
      const value = old.get(figure);
      return value === undefined || value === after ? [] : [{ id, figure, before: value, after }];
    });
  });
}

function figuresOf(id: DiffCell['id'], record: StoredRecord, store: Store): ReadonlyMap<string, number> {
  return new Map([...lastMetrics(id, record, store), ...frontMeans(record, store)]);
}

/** The last value of each metric that the attempt which left the record sent. */
function lastMetrics(id: CellId, { record }: StoredRecord, store: Store): ReadonlyMap<string, number> {
  const attempt = store.attempts.list(record.run, id).at(-1);
  const metrics = new Map<string, number>();
  for (const line of attempt ? readOr(attempt.events).split('\n') : []) {
    const event = stageEvent(line);
    if (event?.type === 'metric') metrics.set(event.name, event.value);
  }
  return metrics;
}

interface Front {
  readonly objectives: readonly string[];
  readonly points: readonly { readonly rewards: readonly number[] }[];
}

/** What a policy earns on average over the trade-offs that it was asked for. */
function frontMeans({ record }: StoredRecord, store: Store): readonly (readonly [string, number])[] {
  return record.artifacts.flatMap(({ name, type, digest }) => {
    const found = type === 'front' ? store.cas.artifactRef(type, digest) : undefined;
    const path = found?.ok ? found.value.files?.['front.json'] : undefined;
    const front = path === undefined ? undefined : (parsed(readOr(path)) as Front | undefined);
    return (front?.objectives ?? []).map((objective, i): readonly [string, number] => {
      const rewards = (front?.points ?? []).map((point) => point.rewards[i] ?? 0);
      const mean = rewards.reduce((x, y) => x + y, 0) / Math.max(1, rewards.length);
      return [`${name}: mean ${objective}`, mean];
    });
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // torn by a kill, or empty
  }
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
