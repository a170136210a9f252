import type { Scalar, TensorContainer } from '@tensorflow/tfjs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { startEngine } from '../../stages/backend/engine.js';
import { tf } from '../../stages/backend/tf.js';
import {
  adamw,
  clipByGlobalNorm,
  cloneTensors,
  constant,
  disposeState,
  disposeTensors,
  forward,
  globalNorm,
  greedy,
  initialWeights,
  languageModel,
  linearCombination,
  mapTensors,
  packGroups,
  schedule,
  scorePacked,
  valueAndGradients,
  type OptimizerState,
  type Packed,
  type Schedule,
} from '../../stages/lm/index.js';
import type { ModelConfig } from '../../stages/lm/config.js';
import type { NamedTensors } from '../../stages/lm/types.js';
import { parameter } from '../../stages/lm/weights.js';
import { Random } from '../../stages/random.js';
import { loadState, saveState } from '../../stages/rl/checkpoint.js';
import { largestDifference, sharpWeights, tinyConfig, tokens } from './support.js';

beforeAll(async () => {
  await startEngine('wasm');
});

interface Training {
  weights: NamedTensors;
  state: OptimizerState;
}

interface Course {
  readonly config: ModelConfig;
  readonly packed: Packed;
  readonly rate: Schedule;
  readonly random?: Random;
}

/** One step on the mean log-loss of all scored tokens; what it replaces is disposed. */
function step(
  { config, packed, rate, random }: Course,
  { weights, state }: Training,
): Training & { loss: number } {
  const options = random ? { training: true, random } : { training: true };
  const { value, gradients } = valueAndGradients(
    (leaves) => scorePacked(config, leaves, packed, options).logProbs.mean().neg().asScalar(),
    weights,
  );
  const clipped = clipByGlobalNorm(gradients, 1);
  const updated = adamw({ rate, weightDecay: 0.01 }).update(clipped.gradients, state, weights);
  const loss = value.dataSync()[0] ?? NaN;
  value.dispose();
  for (const set of [gradients, clipped.gradients, weights]) disposeTensors(set);
  disposeState(state);
  return { weights: updated.parameters, state: updated.state, loss };
}

function begin(weights: NamedTensors): Training {
  return { weights: cloneTensors(weights), state: adamw({ rate: constant(0) }).init(weights) };
}

describe('training', () => {
  const config = tinyConfig();
  const sentence = tokens(4, 7, 5, 9, 6, 8, 2);
  const packed = packGroups([{ prompt: tokens(1, 10), responses: [sentence] }]);

  it('overfits one sentence, which greedy decoding then says', () => {
    const course = { config, packed, rate: constant(1e-2) };
    let training: Training & { loss: number } = {
      ...begin(initialWeights(config, new Random(0, 'init'))),
      loss: NaN,
    };
    for (let i = 0; i < 120; i++) training = step(course, training);
    expect(training.loss).toBeLessThan(0.02);
    const model = languageModel(config, training.weights, { masked: new Int32Array() });
    expect(greedy(model, [tokens(1, 10)], 12, 2)[0]).toEqual(sentence);
    model.dispose();
  });

  it('of a uniform model starts at a loss of ln V', () => {
    const zero = mapTensors(initialWeights(config, new Random(0, 'init')), (tensor) => tf.zerosLike(tensor));
    const loss = scorePacked(config, zero, packed, { training: false }).logProbs.mean().neg().dataSync()[0];
    expect(loss).toBeCloseTo(Math.log(11), 5);
    const open = scorePacked(config, zero, packed, { training: false, masked: tokens(0, 1, 3) })
      .logProbs.mean()
      .neg();
    expect(open.dataSync()[0]).toBeCloseTo(Math.log(8), 5);
  });

  it('keeps the number of tensors', () => {
    const course = { config, packed, rate: constant(1e-3) };
    let training: Training = step(course, begin(sharpWeights(config)));
    const before = tf.memory().numTensors;
    for (let i = 0; i < 20; i++) training = step(course, training);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('resumed from a checkpoint on disk is the uninterrupted training, bit for bit, dropout and schedule included', async () => {
    const dropped = tinyConfig({ embd_pdrop: 0.1, attn_pdrop: 0.2, resid_pdrop: 0.1 });
    const rate = schedule({ kind: 'cosine', rate: 1e-2, steps: 12, warmup: 3 });
    const start = initialWeights(dropped, new Random(3, 'init'));
    const random = new Random(5, 'dropout');
    let whole: Training = begin(start);
    for (let i = 0; i < 10; i++) whole = step({ config: dropped, packed, rate, random }, whole);

    const first = new Random(5, 'dropout');
    let half: Training = begin(start);
    for (let i = 0; i < 4; i++) half = step({ config: dropped, packed, rate, random: first }, half);
    const folder = await mkdtemp(join(tmpdir(), 'moft-learning-'));
    await saveState(folder, { parameters: half.weights, optimizer: half.state, notes: { ...first.state } });

    const second = new Random(5, 'dropout');
    const { parameters, optimizer, notes } = await loadState<{ position: number }>(folder);
    second.state = notes;
    let resumed: Training = { weights: parameters, state: optimizer };
    for (let i = 4; i < 10; i++) resumed = step({ config: dropped, packed, rate, random: second }, resumed);
    const bytesOf = async ({ weights, state }: Training): Promise<Buffer[]> => {
      await saveState(folder, { parameters: weights, optimizer: state, notes: null });
      const files = ['parameters.safetensors', 'optimizer.safetensors', 'state.json'];
      return Promise.all(files.map((name) => readFile(join(folder, name))));
    };
    const again = await bytesOf(resumed);
    expect((await bytesOf(whole)).map((bytes, i) => bytes.equals(again[i] ?? Buffer.of()))).toEqual([
      true,
      true,
      true,
    ]);
    await rm(folder, { recursive: true });
  });
});

describe('dropout', () => {
  const config = tinyConfig({ embd_pdrop: 0.2, attn_pdrop: 0.2, resid_pdrop: 0.2 });
  const ids = [tokens(1, 4, 5, 6)];
  const logits = (training: boolean, seed: number): ArrayLike<number> =>
    forward(
      config,
      sharpWeights(config),
      { ids },
      { training, random: new Random(seed, 'dropout') },
    ).dataSync();

  it('is on in training', () => {
    expect(largestDifference(logits(true, 0), logits(true, 1))).toBeGreaterThan(0.01);
    expect(largestDifference(logits(true, 0), logits(true, 0))).toBe(0);
  });

  it('is off otherwise', () => {
    expect(largestDifference(logits(false, 0), logits(false, 1))).toBe(0);
    const plain = forward(tinyConfig(), sharpWeights(config), { ids }, { training: true }).dataSync();
    expect(largestDifference(logits(false, 0), plain)).toBe(0);
  });

  it.each(['embd_pdrop', 'attn_pdrop', 'resid_pdrop'] as const)('of %s alone changes training', (name) => {
    const only = tinyConfig({ [name]: 0.3 });
    const weights = sharpWeights(only);
    const random = new Random(0, 'dropout');
    const on = forward(only, weights, { ids }, { training: true, random }).dataSync();
    const off = forward(only, weights, { ids }, { training: false }).dataSync();
    expect(largestDifference(on, off)).toBeGreaterThan(0.01);
  });
});

describe('gradients', () => {
  const a = () => ({ x: tf.tensor1d([3, 0]), y: tf.tensor2d([[4]]) });

  it('are clipped by their global norm, and only then', () => {
    expect(globalNorm(a())).toBeCloseTo(5, 6);
    const clipped = clipByGlobalNorm(a(), 1);
    expect(clipped.norm).toBeCloseTo(5, 6);
    expect(globalNorm(clipped.gradients)).toBeCloseTo(1, 6);
    expect(globalNorm(clipByGlobalNorm(a(), 6).gradients)).toBeCloseTo(5, 6);
  });

  it('are combined by name', () => {
    const sum = linearCombination([2, -1], [a(), { y: tf.tensor2d([[1]]), x: tf.tensor1d([1, 1]) }]);
    expect([...(sum['x']?.dataSync() ?? []), ...(sum['y']?.dataSync() ?? [])]).toEqual([5, -1, 7]);
  });

  it('are zero for what the loss does not touch', () => {
    const { gradients } = valueAndGradients(
      (leaves) => (leaves['x'] ?? tf.scalar(NaN)).square().sum().asScalar(),
      a(),
    );
    expect([...(gradients['x']?.dataSync() ?? [])]).toEqual([6, 0]);
    expect([...(gradients['y']?.dataSync() ?? [])]).toEqual([0]);
  });
});

describe('AdamW', () => {
  const parameters = () => ({ w: tf.tensor2d([[1, -2]]), b: tf.tensor1d([3]) });

  it('moves by the rate in its first step, against the sign of the gradient', () => {
    const optimizer = adamw({ rate: constant(0.1) });
    const updated = optimizer.update(
      { w: tf.tensor2d([[5, -0.01]]) },
      optimizer.init(parameters()),
      parameters(),
    );
    expect(largestDifference(updated.parameters['w']?.dataSync() ?? [], [0.9, -1.9])).toBeLessThan(1e-6);
    // No gradient: stays.
    expect([...(updated.parameters['b']?.dataSync() ?? [])]).toEqual([3]);
    expect(updated.state.step).toBe(1);
  });

  it('is its formula in Float64 over many steps', () => {
    const rate = schedule({ kind: 'linear', rate: 0.05, steps: 20, warmup: 4 });
    const optimizer = adamw({ rate, beta1: 0.8, beta2: 0.95 });
    let [weights, state] = [
      { w: tf.tensor2d([[1, -2]]) } as NamedTensors,
      optimizer.init({ w: tf.tensor2d([[0, 0]]) }),
    ];
    const expected = [1, -2].map((p) => ({ p, m: 0, v: 0 }));
    for (let step = 1; step <= 20; step++) {
      const gradient = [Math.sin(step), 0.1 * step];
      ({ parameters: weights, state } = optimizer.update({ w: tf.tensor2d([gradient]) }, state, weights));
      expected.forEach((x, i) => {
        const g = gradient[i] ?? NaN;
        x.m = 0.8 * x.m + 0.2 * g;
        x.v = 0.95 * x.v + 0.05 * g * g;
        x.p -= (rate(step - 1) * (x.m / (1 - 0.8 ** step))) / (Math.sqrt(x.v / (1 - 0.95 ** step)) + 1e-8);
      });
    }
    expect(state.step).toBe(20);
    expect(
      largestDifference(
        weights['w']?.dataSync() ?? [],
        expected.map(({ p }) => p),
      ),
    ).toBeLessThan(1e-5);
  });

  it('decays weights apart from the gradient, and neither biases nor norms', () => {
    const optimizer = adamw({ rate: constant(0.1), weightDecay: 0.5 });
    const gradients = { w: tf.tensor2d([[0, 0]]), b: tf.tensor1d([0]) };
    const { parameters: next } = optimizer.update(gradients, optimizer.init(parameters()), parameters());
    expect(largestDifference(next['w']?.dataSync() ?? [], [0.95, -1.9])).toBeLessThan(1e-6);
    expect([...(next['b']?.dataSync() ?? [])]).toEqual([3]);
  });
});

describe('schedules', () => {
  it('rise linearly through the warm-up, then hold, fall linearly or by a cosine', () => {
    const at = (kind: 'constant' | 'linear' | 'cosine') => {
      const rate = schedule({ kind, rate: 1, steps: 12, warmup: 2, final: 0.2 });
      return [0, 1, 2, 7, 12, 20].map((t) => Number(rate(t).toFixed(6)));
    };
    expect(at('constant')).toEqual([0.5, 1, 1, 1, 1, 1]);
    expect(at('linear')).toEqual([0.5, 1, 1, 0.6, 0.2, 0.2]);
    expect(at('cosine')).toEqual([0.5, 1, 1, 0.6, 0.2, 0.2]);
    expect(schedule({ kind: 'cosine', rate: 1, steps: 100 })(25)).toBeCloseTo(0.853553, 5);
  });
});

describe('the way back', () => {
  it('frees what it is past, to the same gradients', async () => {
    const config = tinyConfig({ n_layer: 6, n_embd: 24 });
    const weights = initialWeights(config, new Random(0, 'weights'));
    const texts = Array.from({ length: 8 }, (_, i) => tokens(3 + i, ...Array<number>(15).fill(4 + (i % 7))));
    const packed = packGroups(
      texts.map((ids) => ({ prompt: ids.subarray(0, 1), responses: [ids.subarray(1)] })),
    );
    const loss = (leaves: NamedTensors): Scalar =>
      scorePacked(config, leaves, packed, { training: true }).logProbs.mean().neg().asScalar();
    const names = Object.keys(weights);
    // A profile is one object, which the next one overwrites.
    const measured = async <T extends TensorContainer>(body: () => T): Promise<readonly [number, T]> => {
      const start = tf.memory().numBytes;
      const { peakBytes, result } = await tf.profile(body);
      return [peakBytes - start, result as T];
    };
    const [most, ours] = await measured(() => ({ ...valueAndGradients(loss, weights).gradients }));
    const [mostShipped, shipped] = await measured(
      () =>
        tf.engine().gradients(
          () => loss(weights),
          names.map((name) => parameter(weights, name)),
        ).grads,
    );
    expect(most).toBeLessThan(0.65 * mostShipped);
    shipped.forEach((gradient, i) =>
      expect(parameter(ours, names[i] ?? '').dataSync()).toEqual(gradient.dataSync()),
    );
  });
});
