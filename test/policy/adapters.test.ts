/** Adapters and soft tokens of a policy: what is merged, what its gradients are, and what it costs. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Scalar, Tensor } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { PolicyManifest } from '../../schemas/artifact.js';
import { startEngine } from '../../stages/backend/engine.js';
import { tf } from '../../stages/backend/tf.js';
import {
  adapted,
  adaptersOf,
  loadAdapter,
  packGroups,
  saveAdapter,
  scorePacked,
  SOFT_TOKENS,
  svdAdapted,
  svdAdaptersOf,
  valueAndGradients,
} from '../../stages/lm/index.js';
import type { NamedTensors } from '../../stages/lm/types.js';
import { initialPolicy, unconditionedAdapter } from '../../stages/policy/initial-policy.js';
import {
  distribute,
  flatten,
  materialize,
  unflatten,
  type ConditionedParameters,
} from '../../stages/policy/merge.js';
import { parameterPolicy, writtenAt } from '../../stages/policy/parameter-policy.js';
import { joined } from '../../stages/policy/prompted-model.js';
import { soupOf } from '../../stages/policy/soup.js';
import { conditionedParameters, type StoredPolicy } from '../../stages/policy/stored-policy.js';
import { manifestOf, moved, movedPolicy, slopesOf, tinyModel, valuesOf } from './tiny.js';

beforeAll(() => startEngine('wasm'));

const lora = { rank: 2, alpha: 4, targets: 'all' as const };
const mixture = { weights: [0.3, 0.7], referenceShare: 0.2 };

/** A policy of one reward whose adapter has moved. */
function expertOf(objective: string, seed: number, change: Partial<PolicyManifest> = {}): StoredPolicy {
  const manifest: PolicyManifest = {
    ...manifestOf('full'),
    ...{ method: 'soft', conditioning: 'none', objectives: [objective], weights: [1], lora, ...change },
  };
  const start = initialPolicy(tinyModel(), manifest, { method: unconditionedAdapter, seed: 0 });
  return { ...start, shared: moved(start.shared, seed) };
}

/** W + sum_i share_i scale B_i A_i in plain loops, in the layout of a GPT-2 weight: (inputs, outputs). */
function byFormula(
  { reference, config }: StoredPolicy,
  parts: readonly { readonly share: number; readonly factors: NamedTensors }[],
): Map<string, number[]> {
  const result = new Map<string, number[]>();
  const { linears, scale } = adaptersOf(config, lora);
  for (const { name, inputs, outputs } of linears) {
    const sum = [...(reference[`${name}.weight`]?.dataSync() ?? [])];
    for (const { share, factors } of parts) {
      const [a, b] = ['A', 'B'].map((which) => factors[`${name}.lora_${which}.weight`]?.dataSync() ?? []);
      for (let i = 0; i < inputs; i++)
        for (let o = 0; o < outputs; o++)
          for (let r = 0; r < 2; r++)
            sum[i * outputs + o] =
              (sum[i * outputs + o] ?? NaN) +
              share * scale * (b?.[o * 2 + r] ?? NaN) * (a?.[r * inputs + i] ?? NaN);
    }
    result.set(`${name}.weight`, sum);
  }
  return result;
}

/** W + .8 U diag(sigma, eta w) V in plain loops, two learnt singular values beside the two weights. */
function byDecomposition({ reference, config, shared }: StoredPolicy): Map<string, number[]> {
  const result = new Map<string, number[]>();
  for (const { name, inputs, outputs } of adaptersOf(config, lora).linears) {
    const at = (which: string): ArrayLike<number> => shared[`${name}.svd_${which}`]?.dataSync() ?? [];
    const [u, v, sigma, eta] = [at('U'), at('V'), at('sigma'), at('eta')[0] ?? NaN];
    const values = [sigma[0] ?? NaN, sigma[1] ?? NaN, ...mixture.weights.map((w) => eta * w)];
    const sum = [...(reference[`${name}.weight`]?.dataSync() ?? [])];
    for (let i = 0; i < inputs; i++)
      for (let o = 0; o < outputs; o++)
        values.forEach((value, r) => {
          sum[i * outputs + o] =
            (sum[i * outputs + o] ?? NaN) + 0.8 * (u[o * 4 + r] ?? NaN) * value * (v[r * inputs + i] ?? NaN);
        });
    result.set(`${name}.weight`, sum);
  }
  return result;
}

/** The merged weights are those of the formula, and all else is the reference's. */
function expectFormula(policy: StoredPolicy, weights: NamedTensors, wanted: Map<string, number[]>): void {
  const reference = valuesOf(policy.reference);
  expect(wanted.size).toBe(4);
  for (const [name, values] of Object.entries(valuesOf(weights))) {
    const expected = wanted.get(name);
    if (!expected) expect(values, name).toEqual(reference[name]);
    else
      values.forEach((value, i) => expect(Math.abs(value - (expected[i] ?? NaN)), name).toBeLessThan(2e-6));
  }
}

/** Log-probability of a text behind a prompt, as the policy reads it. */
function lossOf(policy: StoredPolicy): (weights: NamedTensors) => Scalar {
  const { tokenizer, config } = policy;
  const before = writtenAt(policy, { alpha: 0.1, weights: mixture.weights });
  const prompt = joined(before, Int32Array.of(...tokenizer.encode('a b'), tokenizer.sep));
  const responses = [Int32Array.of(...tokenizer.encode('b a'), tokenizer.eos)];
  const packed = packGroups([{ prompt, responses }]);
  return (weights) => scorePacked(config, weights, packed, { training: false }).logProbs.sum();
}

const policies = {
  lora: () => movedPolicy('lora'),
  'svd-lora': () => movedPolicy('svd-lora'),
  'soft-tokens': () => movedPolicy('soft-tokens'),
  'an adapted expert': () => Promise.resolve(expertOf('left', 5)),
};
const names = Object.keys(policies) as (keyof typeof policies)[];

/** The merge, differentiably: what the engine differentiates by itself. */
function merged(policy: StoredPolicy, { shared, copies }: ConditionedParameters): NamedTensors {
  const { reference, config, manifest } = policy;
  const shares = mixture.weights.map((w) => 0.8 * w);
  if (manifest.svd)
    return {
      ...reference,
      ...svdAdapted(reference, svdAdaptersOf(config, manifest.svd, 2), shared, {
        share: 0.8,
        weights: mixture.weights,
      }),
    };
  if (manifest.lora) {
    const parts = copies.map((factors, i) => ({ share: shares[i] ?? NaN, factors }));
    const all = parts.length > 0 ? parts : [{ share: 1, factors: shared }];
    return { ...reference, ...adapted(reference, adaptersOf(config, manifest.lora), all) };
  }
  const terms = [
    { share: 0.2, set: reference },
    ...copies.map((set, i) => ({ share: shares[i] ?? NaN, set })),
  ];
  const soft = tf.addN(terms.map(({ share, set }) => (set[SOFT_TOKENS] as Tensor).mul(share)));
  return { ...shared, [SOFT_TOKENS]: soft };
}

describe('a policy of adapters or soft tokens', () => {
  it('adds (1-s) scale sum w_i B_i A_i under lora', async () => {
    const policy = await movedPolicy('lora');
    const found = materialize(conditionedParameters(policy), mixture);
    const parts = policy.copies.map((factors, i) => ({ share: 0.8 * (mixture.weights[i] ?? NaN), factors }));
    const wanted = byFormula(policy, parts);
    expect(found.trained).toEqual([...wanted.keys()]);
    expectFormula(policy, found.weights, wanted);
  });

  it('adds (1-s) U diag(sigma, eta w) V under svd-lora', async () => {
    const policy = await movedPolicy('svd-lora');
    const found = materialize(conditionedParameters(policy), mixture);
    const wanted = byDecomposition(policy);
    expect(found.trained).toEqual([...wanted.keys()]);
    expectFormula(policy, found.weights, wanted);
  });

  it('reads s P_ref + (1-s) sum w_i P_i under soft-tokens', async () => {
    const policy = await movedPolicy('soft-tokens');
    const { weights } = materialize(conditionedParameters(policy), mixture);
    const [left, right] = policy.copies.map((copy) => valuesOf(copy)[SOFT_TOKENS] ?? []);
    const reference = valuesOf(policy.reference)[SOFT_TOKENS] ?? [];
    expect(reference).toHaveLength(3 * 8);
    valuesOf(weights)[SOFT_TOKENS]?.forEach((value, i) => {
      const mix = 0.3 * (left?.[i] ?? NaN) + 0.7 * (right?.[i] ?? NaN);
      expect(value).toBeCloseTo(0.2 * (reference[i] ?? NaN) + 0.8 * mix, 5);
    });
    for (const name of Object.keys(policy.shared)) expect(weights[name]).toBe(policy.shared[name]);
  });

  it.each(names)('is differentiated as the engine differentiates it, through the merge: %s', async (name) => {
    const policy = await policies[name]();
    const parameters = conditionedParameters(policy);
    const loss = lossOf(policy);
    const through = valueAndGradients(
      (flat) => loss(merged(policy, unflatten(flat, parameters))),
      flatten(parameters),
    );
    const at = materialize(parameters, mixture);
    const { gradients } = valueAndGradients(loss, at.weights);
    const found = slopesOf(distribute([{ gradients, mixture }], parameters));
    const wanted = valuesOf(through.gradients);
    expect(Object.keys(found)).toEqual(Object.keys(flatten(parameters)));
    let steepest = 0;
    for (const [parameter, values] of Object.entries(found))
      values.forEach((value, i) => {
        expect(Math.abs(value - (wanted[parameter]?.[i] ?? NaN)), parameter).toBeLessThan(1e-5);
        steepest = Math.max(steepest, Math.abs(value));
      });
    expect(steepest).toBeGreaterThan(0.01);
  });

  it.each(names)('has the gradients of finite differences: %s', async (name) => {
    const policy = await policies[name]();
    const parameters = conditionedParameters(policy);
    const loss = lossOf(policy);
    const lossAt = (at: ConditionedParameters): number => {
      const merged = materialize(at, mixture);
      const value = tf.tidy(() => loss(merged.weights).dataSync<'float32'>()[0] ?? NaN);
      merged.dispose();
      return value;
    };
    const { gradients } = valueAndGradients(loss, materialize(parameters, mixture).weights);
    const found = slopesOf(distribute([{ gradients, mixture }], parameters));
    const flat = flatten(parameters);
    for (const [parameter, tensor] of Object.entries(flat)) {
      const at = Math.floor(tensor.size / 2);
      const shifted = (by: number): number => {
        const values = tensor.dataSync().slice();
        values[at] = (values[at] ?? NaN) + by;
        return lossAt(unflatten({ ...flat, [parameter]: tf.tensor(values, tensor.shape) }, parameters));
      };
      const slope = (shifted(1e-2) - shifted(-1e-2)) / 2e-2;
      expect(Math.abs((found[parameter]?.[at] ?? NaN) - slope), parameter).toBeLessThan(
        2e-3 * (1 + Math.abs(slope)),
      );
    }
  });

  it.each(['lora', 'svd-lora', 'soft-tokens'] as const)(
    'averages the gradients of several trade-offs: %s',
    async (name) => {
      const parameters = conditionedParameters(await policies[name]());
      const loss = lossOf(await policies[name]());
      const mixtures = [mixture, { weights: [1, 0], referenceShare: 0 }];
      const gradientsAt = mixtures.map((one) => ({
        gradients: valueAndGradients(loss, materialize(parameters, one).weights).gradients,
        mixture: one,
      }));
      const together = slopesOf(distribute(gradientsAt, parameters));
      const apart = gradientsAt.map((one) => slopesOf(distribute([one], parameters)));
      for (const [parameter, values] of Object.entries(together))
        values.forEach((value, i) => {
          const mean = apart.reduce((sum, one) => sum + (one[parameter]?.[i] ?? NaN), 0) / 2;
          expect(Math.abs(value - mean), parameter).toBeLessThan(1e-5);
        });
    },
  );

  it('costs the product of the factors that take part, and keeps the reference resident', async () => {
    const policy = await movedPolicy('lora');
    const steered = parameterPolicy(policy);
    const { linears, rank } = adaptersOf(policy.config, lora);
    const size = linears.reduce((sum, { inputs, outputs }) => sum + inputs * outputs, 0);
    const factors = linears.reduce((sum, { inputs, outputs }) => sum + rank * (inputs + outputs), 0);
    const reference = Object.values(policy.reference).reduce((sum, tensor) => sum + tensor.size, 0);
    expect(steered.cost({ alpha: 0.1, weights: [0.5, 0.5] })).toEqual({
      passesPerToken: 1,
      mergeFlops: size * (2 * 2 * 2 + 1),
      trainedParameters: 2 * factors,
      residentParameters: 2 * factors + reference,
    });
    expect(steered.cost({ alpha: 0.1, weights: [1, 0] }).mergeFlops).toBe(size * (2 * 2 + 1));
    steered.dispose();
    const svd = parameterPolicy(await movedPolicy('svd-lora'));
    // Two singular values and two weights, whatever they are; beside U and V, sigma and eta.
    const trained = linears.reduce((sum, { inputs, outputs }) => sum + 4 * (inputs + outputs) + 3, 0);
    expect(svd.cost({ alpha: 0.1, weights: [1, 0] })).toEqual({
      passesPerToken: 1,
      mergeFlops: size * (2 * 4 + 1),
      trainedParameters: trained,
      residentParameters: trained + reference,
    });
    svd.dispose();
  });
});

describe('experts that are adapters', () => {
  it('are the reference and scale B A', () => {
    const expert = expertOf('left', 5);
    const { weights } = materialize(conditionedParameters(expert), { weights: [1], referenceShare: 0 });
    expectFormula(expert, weights, byFormula(expert, [{ share: 1, factors: expert.shared }]));
  });

  it('are mixed in a soup factor by factor: A and B are averaged each by itself', () => {
    const experts = [expertOf('left', 5), expertOf('right', 6)];
    const soup = soupOf(experts);
    expect(soup.manifest).toMatchObject({ conditioning: 'full', lora });
    const { weights } = materialize(conditionedParameters(soup), { weights: [0.3, 0.7], referenceShare: 0 });
    const [left = {}, right = {}] = experts.map(({ shared }) => shared);
    const factors = Object.fromEntries(
      Object.keys(left).map((name) => {
        const [a, b] = [left, right].map((set) => set[name] as Tensor);
        return [name, tf.add((a as Tensor).mul(0.3), (b as Tensor).mul(0.7))];
      }),
    );
    expectFormula(soup, weights, byFormula(soup, [{ share: 1, factors }]));
  });

  it('are refused beside experts of another shape, or that are none', () => {
    const other = expertOf('right', 6, { lora: { ...lora, alpha: 8 } });
    expect(() => soupOf([expertOf('left', 5), other])).toThrow('adapters of one shape');
    const plain = { ...manifestOf('full'), conditioning: 'none' as const, objectives: ['right'] };
    expect(() => soupOf([expertOf('left', 5), { ...other, manifest: plain }])).toThrow(
      'adapters of one shape',
    );
  });

  it("are written in PEFT's files, and read back to the same weights", async () => {
    const folder = await mkdtemp(join(tmpdir(), 'moft-adapter-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const { config, shared, reference } = expertOf('left', 5);
    await saveAdapter(folder, config, { adapters: adaptersOf(config, lora), factors: shared });
    const files = new Set(await readdir(folder));
    const adapter = await loadAdapter((name) => (files.has(name) ? join(folder, name) : undefined), config);
    const again = adapted(reference, adapter.adapters, [{ share: 1, factors: adapter.factors }]);
    const own = adapted(reference, adaptersOf(config, lora), [{ share: 1, factors: shared }]);
    expect(valuesOf(again)).toEqual(valuesOf(own));
  });
});
