/** The beginning of a generation: what runs before the first token is drawn, and the caches that it fills. */
import type { Tensor2D } from '@tensorflow/tfjs';
import { fusedNatively, fusedWithVectors } from '../backend/fused.js';
import type { Forest } from '../backend/ops/forest.js';
import type { Architecture, Attention, Stack } from './architecture.js';
import { Cache, type CacheShape } from './cache.js';
import { architectureOf, type ModelConfig } from './config.js';
import type { DecodeOptions } from './decoder.js';
import { chains } from './forest.js';
import { HeapCache } from './heap-cache.js';
import { bucketOf } from './relative.js';
import { StepCache } from './step-cache.js';
import { TensorCache } from './tensor-cache.js';
import { decodesByTensors } from './tensor-step.js';
import type { NamedTensors, TokenBatch } from './types.js';
import { parameter } from './weights.js';

interface Opening {
  /** One tree a prompt. */
  readonly forest: Forest;
  /** What the encoder of an encoder-decoder reads; its decoder has the starting token alone. */
  readonly source?: Forest;
}

export function openingForests(config: ModelConfig, prompts: TokenBatch): Opening {
  const { start } = architectureOf(config);
  const prompted = chains(prompts);
  if (start === undefined) return { forest: prompted };
  const starts = prompts.map(() => Int32Array.of(start));
  return { forest: chains(starts), source: prompted };
}

interface OpeningCaches {
  readonly cache: Cache;
  readonly source: Cache | undefined;
  /** Where keys and values are tensors and a step is one operation; then `cache` has the nodes alone. */
  readonly steps: StepCache | undefined;
  /** Where they are tensors and a step is many operations; the same of `cache`. */
  readonly tensors: TensorCache | undefined;
  /** Where they lie in the heap of an engine with vector loops; the same of `cache`. */
  readonly heap: HeapCache | undefined;
  /** Fills them as the layers run. */
  readonly filling: Pick<DecodeOptions, 'onLayer' | 'onSource'>;
}

export function openingCaches(
  { decoder }: Architecture,
  weights: NamedTensors,
  { forest, source, adapted }: Opening & { readonly adapted: boolean },
): OpeningCaches {
  const [block] = decoder.blocks;
  if (!block) throw new Error('internal error: a model has no layers; please report it');
  const { attention, cross } = block;
  const cache = new Cache({ ...shapeOf(decoder, attention), ...biasOf(decoder, weights) }, lengths(forest));
  const sources = source && cross ? new Cache(shapeOf(decoder, cross), lengths(source)) : undefined;
  const width = attention.heads * attention.headWidth;
  const plain = !decoder.relative && !sources;
  const inSteps = !adapted && decodesByTensors(decoder);
  const steps = fusedNatively() && inSteps ? new StepCache(cache, forest) : undefined;
  const tensors =
    plain && fusedNatively() && !inSteps ? new TensorCache(cache, forest, decoder.blocks.length) : undefined;
  const heap = plain && fusedWithVectors() ? new HeapCache(cache, forest) : undefined;
  const onLayer = (layer: number, qkv: Tensor2D): void => {
    const native = steps ?? tensors;
    if (native) native.fillPrompts(layer, qkv);
    else if (heap) heap.fillPrompts(layer, qkv, attention);
    else filled(layer, qkv);
  };
  const filled = fill(cache, forest, width);
  return {
    cache,
    source: sources,
    steps,
    tensors,
    heap,
    filling: {
      onLayer,
      ...(sources && source ? { onSource: fill(sources, source, 0) } : {}),
    },
  };
}

function lengths({ trees }: Forest): Int32Array {
  return Int32Array.from(trees, ({ start, end }) => end - start);
}

function shapeOf({ blocks }: Stack, { heads, keyHeads, headWidth, scale }: Attention): CacheShape {
  return { layers: blocks.length, heads, keyHeads, headWidth, scale };
}

/** Keys and values stand behind `offset` channels of each row. */
function fill(cache: Cache, { trees }: Forest, offset: number): (layer: number, rows: Tensor2D) => void {
  return (layer, rows) => {
    const values = rows.dataSync<'float32'>();
    const [, stride] = rows.shape;
    trees.forEach(({ start }, prompt) =>
      cache.fillPrompt(layer, prompt, { values, at: start * stride + offset, stride }),
    );
  };
}

function biasOf({ relative }: Stack, weights: NamedTensors): Pick<CacheShape, 'bias'> {
  if (!relative) return {};
  const table = parameter(weights, relative.name).dataSync<'float32'>();
  const buckets: number[] = [];
  const bias = (head: number, before: number): number => {
    const bucket = (buckets[before] ??= bucketOf(relative, -before));
    return table[bucket * relative.heads + head] ?? 0;
  };
  return { bias };
}
