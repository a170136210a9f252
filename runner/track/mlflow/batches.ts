/** Cuts what is to be logged into calls that the server takes; the same batch always gives the same calls. */
import { err, ok, type Result } from '../../../schemas/result.js';
import { problem, type MlflowProblem } from './problem.js';
import type { Batch } from './types.js';
import { all, limits, wireMetric, wirePairs, type WireMetric, type WirePair } from './values.js';

export interface WireBatch {
  readonly metrics: readonly WireMetric[];
  readonly params: readonly WirePair[];
  readonly tags: readonly WirePair[];
}

type Item =
  | { readonly list: 'params' | 'tags'; readonly entity: WirePair }
  | { readonly list: 'metrics'; readonly entity: WireMetric };

const most = {
  metrics: limits.metricsPerCall,
  params: limits.paramsPerCall,
  tags: limits.tagsPerCall,
} as const;

/**
 * The calls of a batch: params first, tags last, as the server itself commits them, so that a tag which is seen says
 * that everything before it is there.
 */
export function cutBatch({
  metrics = [],
  params = {},
  tags = {},
}: Batch): Result<readonly WireBatch[], MlflowProblem> {
  const wiredMetrics = all(metrics, wireMetric);
  if (!wiredMetrics.ok) return wiredMetrics;
  const wiredParams = wirePairs('param', params);
  if (!wiredParams.ok) return wiredParams;
  const wiredTags = wirePairs('tag', tags);
  if (!wiredTags.ok) return wiredTags;
  const items: Item[] = [
    ...wiredParams.value.map((entity): Item => ({ list: 'params', entity })),
    ...wiredMetrics.value.map((entity): Item => ({ list: 'metrics', entity })),
    ...wiredTags.value.map((entity): Item => ({ list: 'tags', entity })),
  ];
  return cut(items);
}

interface Filling {
  readonly metrics: WireMetric[];
  readonly params: WirePair[];
  readonly tags: WirePair[];
  bytes: number;
}

const empty = (): Filling => ({ metrics: [], params: [], tags: [], bytes: 100 });
const countOf = ({ metrics, params, tags }: Filling): number => metrics.length + params.length + tags.length;

function cut(items: readonly Item[]): Result<readonly WireBatch[], MlflowProblem> {
  const calls: Filling[] = [];
  let call = empty();
  for (const item of items) {
    const bytes = Buffer.byteLength(JSON.stringify(item.entity)) + 1;
    if (bytes > limits.bytesPerCall)
      return err(
        problem('invalid', `${item.entity.key} alone has ${bytes} bytes, more than a call may have`),
      );
    const isFull =
      call[item.list].length >= most[item.list] ||
      countOf(call) >= limits.entitiesPerCall ||
      call.bytes + bytes > limits.bytesPerCall;
    if (isFull) {
      calls.push(call);
      call = empty();
    }
    if (item.list === 'metrics') call.metrics.push(item.entity);
    else call[item.list].push(item.entity);
    call.bytes += bytes;
  }
  if (countOf(call) > 0) calls.push(call);
  return ok(calls.map(({ metrics, params, tags }) => ({ metrics, params, tags })));
}
