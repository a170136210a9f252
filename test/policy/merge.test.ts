import type { Scalar, Tensor } from '@tensorflow/tfjs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { startEngine } from '../../stages/backend/engine.js';
import { tf } from '../../stages/backend/tf.js';
import { adamw, mapTensors, packGroups, scorePacked, valueAndGradients } from '../../stages/lm/index.js';
import type { NamedTensors } from '../../stages/lm/types.js';
import { distribute, flatten, materialize, unflatten } from '../../stages/policy/merge.js';
import type { Mixture } from '../../stages/policy/mixture.js';
import { referenceShare } from '../../stages/policy/reference-share.js';
import { conditionedParameters } from '../../stages/policy/stored-policy.js';
import { movedPolicy, slopesOf, valuesOf } from './tiny.js';

beforeAll(() => startEngine('wasm'));

const names = ['full', 'attention', 'logits'] as const;

describe.each(names)('merging under the conditioning %s', (name) => {
  it('gives a copy bit for bit at its corner', async () => {
    const parameters = conditionedParameters(await movedPolicy(name));
    for (const [i, copy] of parameters.copies.entries()) {
      const { weights } = materialize(parameters, { weights: i === 0 ? [1, 0] : [0, 1], referenceShare: 0 });
      expect(valuesOf(weights)).toEqual(valuesOf({ ...parameters.shared, ...copy }));
    }
  });

  it('is the mix s ref + (1-s) sum w_i copy_i in every conditioned parameter', async () => {
    const parameters = conditionedParameters(await movedPolicy(name));
    const { weights: merged } = materialize(parameters, { weights: [0.3, 0.7], referenceShare: 0.25 });
    const [left = {}, right = {}] = parameters.copies.map(valuesOf);
    const reference = valuesOf(parameters.reference ?? {});
    for (const [parameter, values] of Object.entries(valuesOf(merged))) {
      if (!(parameter in left)) {
        expect(values).toEqual(valuesOf(parameters.shared)[parameter]);
        continue;
      }
      values.forEach((value, p) => {
        const mix = 0.3 * (left[parameter]?.[p] ?? NaN) + 0.7 * (right[parameter]?.[p] ?? NaN);
        expect(value).toBeCloseTo(0.25 * (reference[parameter]?.[p] ?? NaN) + 0.75 * mix, 5);
      });
    }
  });

  it('is differentiated as the engine differentiates it: copy i gets (1-s) w_i of the merged gradient', async () => {
    const policy = await movedPolicy(name);
    const parameters = conditionedParameters(policy);
    const mixture: Mixture = { weights: [0.3, 0.7], referenceShare: 0.2 };
    const loss = (weights: NamedTensors): Scalar => {
      const { tokenizer, config } = policy;
      const prompt = Int32Array.of(...tokenizer.encode('a b'), tokenizer.sep);
      const packed = packGroups([
        { prompt, responses: [Int32Array.of(...tokenizer.encode('b a'), tokenizer.eos)] },
      ]);
      return scorePacked(config, weights, packed, { training: false }).logProbs.sum();
    };
    const through = valueAndGradients((flat) => {
      const tree = unflatten(flat, parameters);
      const mixed = Object.keys(tree.copies[0] ?? {}).map((parameter): [string, Tensor] => {
        const copies = tree.copies.map((copy, i) =>
          pickOne(copy, parameter).mul(0.8 * (mixture.weights[i] ?? 0)),
        );
        return [parameter, tf.addN([pickOne(parameters.reference ?? {}, parameter).mul(0.2), ...copies])];
      });
      return loss({ ...tree.shared, ...Object.fromEntries(mixed) });
    }, flatten(parameters));
    const merged = materialize(parameters, mixture);
    const once = valueAndGradients(loss, merged.weights);
    const ours = slopesOf(distribute([{ gradients: once.gradients, mixture }], parameters));
    const theirs = valuesOf(through.gradients);
    expect(Object.keys(ours).sort()).toEqual(Object.keys(theirs).sort());
    let largest = 0;
    for (const [parameter, values] of Object.entries(ours))
      values.forEach((value, p) => {
        expect(Math.abs(value - (theirs[parameter]?.[p] ?? NaN))).toBeLessThan(1e-4);
        largest = Math.max(largest, Math.abs(value));
      });
    expect(largest).toBeGreaterThan(0.01);
  });

  it('updates copies by their share of one gradient as by products of their own, to the bit', async () => {
    const parameters = conditionedParameters(await movedPolicy(name));
    const mixture: Mixture = { weights: [0.3, 0.7], referenceShare: 0.2 };
    const { weights } = materialize(parameters, mixture);
    const gradients = mapTensors(weights, (tensor) => tensor.mul(0.37).sin());
    const { gradients: scaled } = distribute([{ gradients, mixture }], parameters);
    const products = Object.entries(scaled).map(([at, one]) => [at, one.tensor.mul(one.factor)] as const);
    const [optimizer, before] = [adamw({ rate: () => 0.01 }), flatten(parameters)];
    const after = (of: Parameters<typeof optimizer.update>[0]): Record<string, number[]>[] => {
      const { parameters: next, state } = optimizer.update(of, optimizer.init(before), before);
      return [next, state.first, state.second].map(valuesOf);
    };
    const found = after(scaled);
    expect(found).toEqual(after(Object.fromEntries(products)));
    expect(found[0]).not.toEqual(valuesOf(before));
  });

  it('averages the gradients of several trade-offs', async () => {
    const parameters = conditionedParameters(await movedPolicy(name));
    const ones = Object.fromEntries(
      Object.entries(materialize(parameters, { weights: [1, 0], referenceShare: 0 }).weights).map(
        ([parameter, tensor]) => [parameter, tf.onesLike(tensor)],
      ),
    );
    const mixtures = [
      { weights: [1, 0], referenceShare: 0 },
      { weights: [0.5, 0.5], referenceShare: 0.5 },
    ];
    const slopes = slopesOf(
      distribute(
        mixtures.map((mixture) => ({ gradients: ones, mixture })),
        parameters,
      ),
    );
    const of = (set: string): ReadonlySet<number | undefined> =>
      new Set(Object.keys(slopes).flatMap((at) => (at.startsWith(`${set}/`) ? [slopes[at]?.[0]] : [])));
    expect(of('copy0')).toEqual(new Set([(1 + 0.25) / 2]));
    expect(of('copy1')).toEqual(new Set([0.25 / 2]));
    if (name !== 'full') expect(of('shared')).toEqual(new Set([1]));
  });
});

describe('merging by hand', () => {
  const set = (values: number[]): NamedTensors => ({ p: tf.tensor1d(values) });
  const start = [
    [1, 2],
    [3, -4],
    [0.5, 0],
  ];
  const merged = (copies: number[][], mixture: Mixture, reference: number[]): number[] => {
    const parameters = { shared: {}, copies: copies.map(set), reference: set(reference) };
    return valuesOf(materialize(parameters, mixture).weights).p ?? [];
  };

  it('gives a copy back for its own corner, and the reference a share', () => {
    expect(merged(start, { weights: [0, 1, 0], referenceShare: 0 }, [4, 4])).toEqual([3, -4]);
    expect(merged(start, { weights: [1, 0, 0], referenceShare: 0.25 }, [4, 4])).toEqual([1.75, 2.5]);
  });

  it('gives copy i (1 - s) w_i times the merged gradient, as differences of the merged loss do', () => {
    const mixture = { weights: [0.2, 0.3, 0.5], referenceShare: 0.2 };
    // Linear in theta and in dyadic steps: differences are exact up to Float32.
    const gradient = [0.5, -2];
    const loss = (copies: number[][]): number => {
      const theta = merged(copies, mixture, [0.1, 0.2]);
      return theta.reduce((sum, value, p) => sum + value * (gradient[p] ?? NaN), 0);
    };
    const parameters = { shared: {}, copies: start.map(set), reference: set([0.1, 0.2]) };
    const slopes = slopesOf(distribute([{ gradients: set(gradient), mixture }], parameters));
    const h = 1;
    start.forEach((copy, i) =>
      copy.forEach((_, p) => {
        const moved = (by: number): number =>
          loss(start.map((other, j) => other.map((v, q) => (i === j && p === q ? v + by : v))));
        const found = slopes[`copy${i}/p`]?.[p];
        expect(found).toBeCloseTo((moved(h) - moved(-h)) / (2 * h), 5);
      }),
    );
  });
});

describe("the reference's share", () => {
  const range = [0.02, 0.5] as const;

  it('is 0 at the least alpha by log and beta, alpha itself by the literal rule, and below 1 throughout', () => {
    expect(referenceShare('log', 0.02, range)).toBe(0);
    expect(referenceShare('beta', 0.02, range)).toBeCloseTo(0, 12);
    expect(referenceShare('literal', 0.02, range)).toBe(0.02);
    expect(referenceShare('none', 0.3, range)).toBe(0);
    expect(referenceShare('log', 0.5, range)).toBeCloseTo(0.9, 12);
  });

  it("follows DeRa's rule 1 - s = beta_min / beta", () => {
    // alpha 0.5 is beta 1; alpha 0.02 is beta 1/49.
    expect(1 - referenceShare('beta', 0.5, range)).toBeCloseTo(1 / 49, 12);
  });

  it('grows with alpha by every rule', () => {
    const alpha = fc.double({ min: 0.02, max: 0.5, noNaN: true });
    fc.assert(
      fc.property(fc.constantFrom('literal', 'log', 'beta'), alpha, alpha, (rule, a, b) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        const [first, second] = [referenceShare(rule, low, range), referenceShare(rule, high, range)];
        return first <= second + 1e-12 && second < 1;
      }),
    );
  });
});

function pickOne(tensors: NamedTensors, name: string): Tensor {
  const tensor = tensors[name];
  if (!tensor) throw new Error(`no tensor ${name}`);
  return tensor;
}
