/**
 * One suite for all engines, each in a process of its own, as `moft backend check` runs it. TensorFlow is linked for
 * real where a Python has it (MOFT_TEST_PYTHON, else python3), Dawn comes from npm and runs on whatever adapter there
 * is: SwiftShader, which Chromium brings, is one.
 */
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EngineInfo, EngineName } from '../../stages/backend/engine-info.js';
import { listEngines } from '../../stages/backend/manage/inventory.js';
import { checkNames, type CheckResult } from '../../stages/lm/conformance/checks.js';
import { startEngine } from '../../stages/backend/engine.js';
import { withoutFusedKernels } from '../../stages/backend/fused.js';
import { forestAttention } from '../../stages/backend/ops/attention.js';
import { adamUpdates, combine, combineAll, sumOfSquares } from '../../stages/backend/ops/combine.js';
import { cachedAttention } from '../../stages/backend/ops/cached-attention.js';
import { decode, type Decode, type DecodeBlock } from '../../stages/backend/ops/decode.js';
import type { Forest } from '../../stages/backend/ops/forest.js';
import { logSoftmax } from '../../stages/backend/ops/distribution.js';
import { layerNorm } from '../../stages/backend/ops/layer-norm.js';
import { linear } from '../../stages/backend/ops/linear.js';
import { gatherRows, pick, segmentSum } from '../../stages/backend/ops/rows.js';
import { openNativeCall } from '../../stages/backend/native-call.js';
import { tf } from '../../stages/backend/tf.js';
import { languageModel, packGroups, sample } from '../../stages/lm/index.js';
import { Random } from '../../stages/random.js';
import { forest, nodes, operations, run, slope, type Operation } from '../lm/operations.js';
import {
  largestDifference,
  largestOfUpdates,
  randomTensor,
  randomTexts,
  sharpWeights,
  tinyConfig,
  tokens,
} from '../lm/support.js';
import { backend, type Ended } from './engines.js';

const engines = mkdtempSync(join(tmpdir(), 'moft-engines-'));
afterAll(() => rmSync(engines, { recursive: true, force: true }));

const swiftshader = '/usr/lib/chromium/vk_swiftshader_icd.json';
const software = existsSync(swiftshader)
  ? { VK_DRIVER_FILES: swiftshader, VK_ICD_FILENAMES: swiftshader }
  : {};
/** A graphics card comes first; without one, the software that draws for Chromium. */
const variables = { MOFT_ENGINES: engines, ...(process.env.VK_DRIVER_FILES === undefined ? software : {}) };

const python = process.env.MOFT_TEST_PYTHON;
const linked = backend(['link', ...(python === undefined ? [] : ['--python', python])], variables);
const installed = backend(['install', 'webgpu'], variables);

/** Large enough for threads, and of sizes that fill no vector. */
const many = packGroups(
  Array.from({ length: 40 }, (_, i) => ({
    prompt: tokens(3, 4, 5, 6),
    responses: [...randomTexts(2, 9, 12, i), tokens(3 + (i % 5), 4)],
  })),
).forest;
const shared: readonly Operation[] = [
  {
    name: 'layer norm',
    shapes: [[700, 77], [77], [77]],
    apply: (x) => layerNorm(...(x as [Tensor2D, Tensor1D, Tensor1D]), 1e-5),
  },
  {
    name: 'linear',
    shapes: [[700, 77], [77, 50], [50]],
    apply: (x) => linear(...(x as [Tensor2D, Tensor2D, Tensor1D])),
  },
  { name: 'log-softmax', shapes: [[700, 77]], apply: ([x]) => logSoftmax(x as Tensor2D) },
  {
    name: 'attention of shared keys',
    shapes: [[many.tokens.length, 8 * 21]],
    apply: ([x]) => forestAttention(x as Tensor2D, many, { heads: 4, keyHeads: 2 }),
  },
];

interface Checked {
  readonly ok: boolean;
  readonly info: EngineInfo;
  readonly checks: readonly CheckResult[];
}

/** Why the engine cannot be tried here, or undefined. */
function absence(engine: EngineName): string | undefined {
  const brought: Partial<Record<EngineName, Ended>> = { tensorflow: linked, webgpu: installed };
  const failed = brought[engine];
  if (failed && failed.code !== 0) return failed.stderr.trim();
  const started = backend(['inside', engine, 'start'], variables).stdout.trim().split('\n').at(-1) ?? '';
  return (JSON.parse(started) as { error?: string }).error;
}

describe.each(['wasm', 'cpu', 'tensorflow', 'webgpu'] as const)('the engine %s', (engine) => {
  const missing = absence(engine);
  if (missing !== undefined) console.warn(`SKIPPED: the conformance of ${engine} is not checked: ${missing}`);

  describe.skipIf(missing !== undefined)('conforms in', () => {
    let checked: Checked;
    beforeAll(() => {
      const ended = backend(['check', engine, '--json'], variables);
      checked = JSON.parse(ended.stdout) as Checked;
      expect(ended.code, ended.stderr).toBe(checked.ok ? 0 : 1);
    }, 1_200_000);

    it.each(checkNames)('%s', (name) => {
      const found = checked.checks.find((check) => check.name === name);
      expect(found?.measured).toBeLessThanOrEqual(found?.most ?? NaN);
      expect(found?.passed).toBe(true);
    });

    it('its name and version', () => {
      expect(checked.info.backend).toBe(engine);
      const below = {
        wasm: /^[\d.]+$/,
        cpu: /^[\d.]+$/,
        tensorflow: /on TensorFlow 2\.[\d.]+, kernels [\da-f]{8} for (plain|AVX2|AVX-512)$/,
        webgpu: /on Dawn [\d.]+$/,
      };
      expect(checked.info.version).toMatch(below[engine]);
    });
  });
});

describe('what is linked', () => {
  it.skipIf(linked.code !== 0)('is found, and is the engine where none is named', () => {
    const found = listEngines(engines).find(({ engine }) => engine === 'tensorflow');
    expect(found).toMatchObject({
      present: true,
      source: expect.stringContaining('libtensorflow_cc.so.2') as string,
    });
    const { stdout } = backend(['list', '--quick'], variables);
    expect(stdout).toMatch(/^tensorflow \*/m);
  });
});

describe.skipIf(linked.code !== 0)('a kernel in C++', () => {
  beforeAll(async () => {
    process.env.MOFT_ENGINES = engines;
    await startEngine('tensorflow');
  });

  const dropped: Operation = {
    name: 'attention with dropout',
    shapes: [[nodes, 32]],
    apply: ([x]) =>
      forestAttention(x as Tensor2D, forest, {
        heads: 4,
        keyHeads: 2,
        dropout: { rate: 0.3, seed: 2 ** 32 - 9 },
      }),
  };

  it.each(operations)('agrees with the operations of TensorFlow: $name', (operation) => {
    const found = run(operation);
    const expected = withoutFusedKernels(() => run(operation));
    expect(largestDifference(found.value, expected.value)).toBeLessThan(2e-5);
    expect(found.gradients).toHaveLength(expected.gradients.length);
    found.gradients.forEach((gradient, i) => {
      expect(largestDifference(gradient, expected.gradients[i] ?? [])).toBeLessThan(5e-5);
    });
  });

  it('drops the same weights of attention on the way back as forward', () => {
    const { gradients } = run(dropped);
    const gradient = gradients[0] ?? new Float32Array();
    for (const element of [3, 15, 30, 400, gradient.length - 1]) {
      const found = gradient[element] ?? NaN;
      expect(Math.abs(found - slope(dropped, 0, element))).toBeLessThan(2e-2 * (1 + Math.abs(found)));
    }
  });

  it.each(shared)('shares out among threads what one thread computes: $name', (operation) => {
    const [found, again] = [run(operation), run(operation)];
    const expected = withoutFusedKernels(() => run(operation));
    expect(again).toEqual(found);
    [found.value, ...found.gradients].forEach((values, i) => {
      const most = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
      const other = [expected.value, ...expected.gradients][i] ?? [];
      expect(largestDifference(values, other) / most).toBeLessThan(5e-5);
    });
  });

  it('continues texts from tensors as from the cache in JavaScript', () => {
    const config = tinyConfig({ n_embd: 24, n_head: 4 });
    const weights = sharpWeights(config);
    const continued = (): readonly number[] => {
      const model = languageModel(config, weights, { masked: Int32Array.of(0) }, { keepWeights: true });
      const prompts = [tokens(3, 4), tokens(3, 4), tokens(5, 6, 7, 8), tokens(9)];
      const drawn = sample(model, {
        ...{ prompts, samples: 3, maxTokens: 8, eos: 2 },
        random: (row) => new Random(row, 'test'),
      });
      model.dispose();
      return drawn.logProbs.flatMap((row) => [...row]);
    };
    const before = tf.memory().numTensors;
    const found = continued();
    expect(tf.memory().numTensors).toBe(before);
    expect(found.length).toBeGreaterThan(30);
    expect(largestDifference(found, withoutFusedKernels(continued))).toBeLessThan(2e-5);
  });

  it('has exponentials whose relative error is below 2e-7, from -80 to 0', () => {
    const x = Float32Array.from({ length: 80_001 }, (_, i) => 20 - i / 1000);
    const log = (x: Tensor): Tensor => logSoftmax(x.reshape([1, -1]) as Tensor2D);
    // What comes back of the first column alone is exp of each log-probability, turned.
    const logs = log(tf.tensor1d(x)).dataSync<'float32'>();
    const back = tf
      .grad((x) => log(x).flatten().slice([0], [1]).sum())(tf.tensor1d(x))
      .dataSync();
    const errors = logs.slice(1).map((log, i) => Math.abs(-(back[i + 1] ?? NaN) / Math.exp(log) - 1));
    expect(errors.length).toBe(80_000);
    expect(errors.reduce<number>((most, error) => (error <= most ? most : error), 0)).toBeLessThan(2e-7);
  });

  it('flushes denormals in every thread or in none', () => {
    const small = tf.fill([1 << 20], 1e-30);
    const values = combine([1e-10], [small]).dataSync();
    expect(new Set(values).size).toBe(1);
  });

  it('refuses an index beyond the end, and leaves no tensor behind', () => {
    const x = randomTensor([3, 4], 1) as Tensor2D;
    const before = tf.memory().numTensors;
    for (const beyond of [3, -1]) {
      expect(() => gatherRows(x, Int32Array.of(0, beyond))).toThrow(/index beyond the end/);
      expect(() => pick(x, Int32Array.of(beyond), Int32Array.of(0))).toThrow(/index beyond the end/);
      expect(() => segmentSum(tf.tensor1d([1]), Int32Array.of(beyond), 3)).toThrow(/index beyond the end/);
    }
    expect(tf.memory().numTensors - before).toBe(2); // those that the test itself made
    expect([...gatherRows(x, Int32Array.of(2)).dataSync()]).toEqual([...x.dataSync().slice(8)]);
  });

  it('refuses trees that lead beside the nodes', () => {
    const qkv = randomTensor([nodes, 36], 1) as Tensor2D;
    const attend = (change: Partial<Forest>): Tensor2D =>
      forestAttention(qkv, { ...forest, ...change }, { heads: 3 });
    const branch = forest.trees.find(({ start, end, trunk }) => start + trunk + 1 < end);
    const [tree] = forest.trees;
    const last = (branch?.end ?? 0) - 1;
    expect(forest.depths[last]).toBeGreaterThan(branch?.trunk ?? Infinity);
    for (const beyond of [-1, nodes, 2 ** 30]) {
      const parents = forest.parents.with(last, beyond);
      expect(() => attend({ parents })).toThrow(/index beyond the end/);
    }
    expect(() => attend({ depths: forest.depths.with(last, 2 ** 30) })).toThrow(/index beyond the end/);
    for (const change of [{ end: nodes + 1 }, { start: -1 }, { trunk: nodes }, { trunk: -1 }]) {
      const trees = [{ start: 0, end: 0, trunk: 0, ...tree, ...change }, ...forest.trees.slice(1)];
      expect(() => attend({ trees }), JSON.stringify(change)).toThrow(/index beyond the end/);
    }
    expect(() => attend({ parents: forest.parents.subarray(1) })).toThrow(/do not fit each other/);
    expect(attend({}).shape).toEqual([nodes, 12]);
  });

  it('refuses a prompt, an ancestor or a token that is not there in a step of a decoder', () => {
    const shapes = [[5, 4], [4], [4, 12], [4, 4], [4], [4, 8], [8, 4], [4], [4, 5], [3, 12], [1, 2, 8]];
    const tensors = shapes.map((shape, i) => randomTensor(shape, i));
    const none = { normBias: false, projectBias: false, outBias: false, innerNormBias: false };
    const block: DecodeBlock = {
      ...{ heads: 2, keyHeads: 2, activation: 'silu' as const, scale: 1, epsilons: [1e-6, 1e-6] as const },
      has: { ...none, gate: false, gateBias: false, upBias: false, downBias: false },
    };
    const step = (change: Partial<Decode>): readonly [Tensor2D, Tensor] =>
      decode(tensors, {
        ...{ width: 4, blocks: [block], epsilon: 1e-6, half: 0, turns: new Float32Array(), steps: 1 },
        has: { places: false, states: false, lastBias: false },
        ...{ tokens: tokens(4), positions: tokens(0), prompts: tokens(1, 2), chains: tokens(1) },
        ...{ masked: tokens(0), ...change },
      });
    expect(step({})[0].shape).toEqual([1, 5]);
    const before = tf.memory().numTensors;
    for (const change of [
      ...[{ prompts: tokens(1, 3) }, { prompts: tokens(-1, 1) }, { prompts: tokens(0, -1) }],
      ...[{ chains: tokens(2) }, { chains: tokens(-1) }, { tokens: tokens(5) }, { masked: tokens(5) }],
    ])
      expect(() => step(change), JSON.stringify(change)).toThrow(/index beyond the end/);
    expect(() => step({ prompts: tokens(1) })).toThrow(/do not fit each other/);
    expect(() => step({ width: 8 })).toThrow(/do not fit each other/);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('refuses the same where a step is many operations', () => {
    const [now, opening, before] = [1, 3, 2].map((rows, i) => randomTensor([rows, 12], i)) as [
      Tensor2D,
      Tensor2D,
      Tensor2D,
    ];
    const attend = (prompts: Int32Array, chains: Int32Array): Tensor2D =>
      cachedAttention(now, opening, [before], { heads: 2, keyHeads: 2, scale: 1, prompts, chains });
    expect(attend(tokens(1, 2), tokens(1)).shape).toEqual([1, 4]);
    for (const prompts of [tokens(1, 3), tokens(-1, 1), tokens(0, -1)])
      expect(() => attend(prompts, tokens(0))).toThrow(/index beyond the end/);
    for (const beyond of [2, -1])
      expect(() => attend(tokens(0, 1), tokens(beyond))).toThrow(/index beyond the end/);
    expect(() => attend(tokens(0), tokens(0))).toThrow(/do not fit each other/);
  });

  it('that finds no memory is an error of the operation', () => {
    const values = randomTensor([1, 1], 1).flatten() as Tensor1D;
    const wide = openNativeCall(tf.backend(), { x: tf.zeros([1, 2 ** 17]) });
    const indices = [Int32Array.of(0), Int32Array.of(2 ** 31 - 1)];
    expect(() => wide.one('ScatterRows', ['x'], { indices })).toThrow(/memory|OOM|allocat/i);
    expect(segmentSum(values, Int32Array.of(0), 1).dataSync()).toEqual(values.dataSync());
  });

  it('attends to nothing where there is no tree', () => {
    const none = { tokens: new Int32Array(), parents: new Int32Array(), depths: new Int32Array(), trees: [] };
    const mixed = forestAttention(tf.zeros([0, 36]), none, { heads: 3 });
    expect(mixed.shape).toEqual([0, 12]);
  });

  it('sums squares and updates as AdamW does', () => {
    const tensors = [1, 2, 3].map((seed) => randomTensor([300, 7 * seed], seed));
    expect(sumOfSquares(tensors) / withoutFusedKernels(() => sumOfSquares(tensors))).toBeCloseTo(1, 6);
    const rates = { rate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-6, step: 3 };
    const updated = [3, 300, 1, 7].map((rows, i) => {
      const of = (seed: number): Tensor => randomTensor([rows, 300], 10 * i + seed);
      const own = { parameter: of(1), gradient: of(2), first: of(3), second: of(4).square() };
      return { ...own, factor: 1 - 0.3 * i, weightDecay: 0.1 * (i % 2) };
    });
    const expected = withoutFusedKernels(() => adamUpdates(updated, rates));
    const all = adamUpdates(updated, rates);
    expect(all).toHaveLength(updated.length);
    expect(largestOfUpdates(all, expected)).toBeLessThan(2e-5);
  });

  it('sums lists of tensors of several sizes', () => {
    const lists = [3, 300, 1].map((rows) => [1, 2, 3].map((seed) => randomTensor([rows, 300], seed * rows)));
    const expected = withoutFusedKernels(() => combineAll([0.5, -2, 0.3], lists));
    const sums = combineAll([0.5, -2, 0.3], lists);
    expect(sums).toHaveLength(lists.length);
    sums.forEach((found, i) => {
      expect(found.size).toBeGreaterThan(0);
      expect(found.shape).toEqual(expected[i]?.shape);
      expect(largestDifference(found.dataSync(), expected[i]?.dataSync() ?? [NaN])).toBeLessThan(1e-6);
    });
  });

  it('refuses to update or sum tensors of different sizes', () => {
    const [x, y] = [tf.zeros([4]), tf.zeros([3])];
    const call = openNativeCall(tf.backend(), { x, y });
    const numbers = [0.9, 0.1, 0.99, 0.01, 0.1, 1, 1e-6, 1, 1];
    for (const inputs of [
      ['x', 'y', 'x', 'x'],
      ['x', 'x', 'x', 'y'],
      ['x', 'x', 'x'],
    ])
      expect(() => call.ours('Adam', inputs, { numbers, outputs: 3 })).toThrow(/do not fit each other/);
    expect(() => call.one('Combine', ['x', 'y'], { numbers: [1, 2] })).toThrow(/do not fit each other/);
  });
});
