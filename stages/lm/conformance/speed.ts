/** A short fixed workload, the same on every engine: one matrix product, and training steps of a small decoder. */
import { tf } from '../../backend/tf.js';
import { Random } from '../../random.js';
import { decoderConfig, type Gpt2Config } from '../config.js';
import { clipByGlobalNorm, valueAndGradients } from '../gradients.js';
import { adamw, disposeState, type OptimizerState } from '../optimizer.js';
import { constant } from '../schedule.js';
import { packGroups, scorePacked, type Packed } from '../scoring.js';
import type { NamedTensors, Tokens } from '../types.js';
import { disposeTensors, initialWeights } from '../weights.js';

export interface DecoderSize {
  readonly width: number;
  readonly layers: number;
  readonly vocabulary: number;
  /** Tokens of a text that run; one more is predicted. */
  readonly length: number;
}

export interface EngineSpeed {
  /** Billions of additions and multiplications a second, at 512 x 512. */
  readonly gflops: number;
  /** Milliseconds of a training step at width 64: 2 layers, 512 tokens, a vocabulary of 512. */
  readonly step: number;
}

const small: DecoderSize = { width: 64, layers: 2, vocabulary: 512, length: 32 };

/** What is learnt by heart. */
export function drawTexts(
  count: number,
  { vocabulary, length }: Omit<DecoderSize, 'width' | 'layers'>,
): Tokens[] {
  const random = new Random(0, 'speed/texts');
  return Array.from({ length: count }, () =>
    Int32Array.from({ length: length + 1 }, () => 3 + random.integer(vocabulary - 3)),
  );
}

/** Median over a few rounds each, after one that warms up. `now` counts milliseconds. */
export function measureSpeed(now: () => number): EngineSpeed {
  const trainer = new Trainer(small, drawTexts(16, small));
  const step = medianOf(5, now, () => trainer.step());
  trainer.dispose();
  return { gflops: productSpeed(now), step };
}

function productSpeed(now: () => number): number {
  const n = 512;
  const times = 4;
  const a = tf.fill([n, n], 0.5);
  // Each product waits for the one before: none is thrown away uncomputed.
  const ms = medianOf(5, now, () =>
    tf.tidy(() => {
      let x = a;
      for (let i = 0; i < times; i++) x = tf.matMul(x, a);
      x.sum().dataSync();
    }),
  );
  a.dispose();
  return (times * 2 * n ** 3) / ms / 1e6;
}

export function medianOf(rounds: number, now: () => number, body: () => void): number {
  body();
  const times = Array.from({ length: rounds }, () => {
    const start = now();
    body();
    return now() - start;
  });
  return times.sort((a, b) => a - b)[rounds >> 1] ?? NaN;
}

/** Trains a decoder on texts, one step at a time: loss, gradients, clipping, AdamW. */
export class Trainer {
  readonly config: Gpt2Config;
  readonly #packed: Packed;
  readonly #optimizer = adamw({ rate: constant(1e-3), weightDecay: 0.01 });
  weights: NamedTensors;
  #state: OptimizerState;

  constructor({ width, layers, vocabulary, length }: DecoderSize, texts: readonly Tokens[]) {
    this.config = decoderConfig({
      vocab_size: vocabulary,
      n_positions: 2 * length,
      n_embd: width,
      n_layer: layers,
      n_head: 4,
      bos_token_id: 1,
      eos_token_id: 2,
    });
    this.#packed = packGroups(
      texts.map((ids) => ({ prompt: ids.subarray(0, 1), responses: [ids.subarray(1)] })),
    );
    this.weights = initialWeights(this.config, new Random(0, 'speed/weights'));
    this.#state = this.#optimizer.init(this.weights);
  }

  /** One step, to its end: the loss is read. */
  step(): number {
    const { value, gradients } = valueAndGradients(
      (leaves) =>
        scorePacked(this.config, leaves, this.#packed, { training: true }).logProbs.mean().neg().asScalar(),
      this.weights,
    );
    const clipped = clipByGlobalNorm(gradients, 1);
    const updated = this.#optimizer.update(clipped.gradients, this.#state, this.weights);
    for (const set of [gradients, clipped.gradients, this.weights]) disposeTensors(set);
    disposeState(this.#state);
    this.weights = updated.parameters;
    this.#state = updated.state;
    const loss = value.dataSync()[0] ?? NaN;
    value.dispose();
    return loss;
  }

  dispose(): void {
    disposeTensors(this.weights);
    disposeState(this.#state);
  }
}
