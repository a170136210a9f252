/** The lora conditioning: what is merged, what its gradients are, and what it costs. */
import type { Scalar } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { startEngine } from '../../stages/backend/engine.js';
import { tf } from '../../stages/backend/tf.js';
import { adapted, adaptersOf, packGroups, scorePacked, valueAndGradients } from '../../stages/lm/index.js';
import type { NamedTensors } from '../../stages/lm/types.js';
import {
  distribute,
  flatten,
  materialize,
  trainedNames,
  unflatten,
  type ConditionedParameters,
} from '../../stages/policy/merge.js';
import { parameterPolicy } from '../../stages/policy/parameter-policy.js';
import { conditionedParameters } from '../../stages/policy/stored-policy.js';
import { movedPolicy, valuesOf } from './tiny.js';

beforeAll(() => startEngine('wasm'));

const mixture = { weights: [0.3, 0.7], referenceShare: 0.2 };

/** W + (1-s) scale sum w_i B_i A_i in plain loops, in the layout of a GPT-2 weight: (inputs, outputs). */
function byFormula({ reference = {}, copies, adapters }: ConditionedParameters): Map<string, number[]> {
  const result = new Map<string, number[]>();
  const scale = adapters?.scale ?? NaN;
  for (const { name, inputs, outputs } of adapters?.linears ?? []) {
    const sum = [...(reference[`${name}.weight`]?.dataSync() ?? [])];
    copies.forEach((copy, k) => {
      const share = 0.8 * (mixture.weights[k] ?? NaN) * scale;
      const [a, b] = ['A', 'B'].map((which) => copy[`${name}.lora_${which}.weight`]?.dataSync() ?? []);
      for (let i = 0; i < inputs; i++)
        for (let o = 0; o < outputs; o++)
          for (let r = 0; r < 2; r++)
            sum[i * outputs + o] =
              (sum[i * outputs + o] ?? NaN) + share * (b?.[o * 2 + r] ?? NaN) * (a?.[r * inputs + i] ?? NaN);
    });
    result.set(`${name}.weight`, sum);
  }
  return result;
}

describe('adapters of a policy', () => {
  it('add (1-s) scale sum w_i B_i A_i to what they adapt, and leave all else the reference', async () => {
    const policy = await movedPolicy('lora');
    const parameters = conditionedParameters(policy);
    const { weights } = materialize(parameters, mixture);
    const wanted = byFormula(parameters);
    expect([...wanted.keys()]).toEqual(trainedNames({ weights, dispose: () => undefined }, parameters));
    expect(wanted.size).toBe(4);
    for (const [name, values] of Object.entries(valuesOf(weights))) {
      const expected = wanted.get(name);
      if (!expected) expect(values, name).toEqual(valuesOf(policy.reference)[name]);
      else
        values.forEach((value, i) => expect(Math.abs(value - (expected[i] ?? NaN)), name).toBeLessThan(1e-6));
    }
  });

  it('are differentiated as the engine differentiates them, through the merge and the product', async () => {
    const policy = await movedPolicy('lora');
    const parameters = conditionedParameters(policy);
    const { tokenizer, config } = policy;
    const prompt = Int32Array.of(...tokenizer.encode('a b'), tokenizer.sep);
    const packed = packGroups([
      { prompt, responses: [Int32Array.of(...tokenizer.encode('b a'), tokenizer.eos)] },
    ]);
    const loss = (weights: NamedTensors): Scalar =>
      scorePacked(config, weights, packed, { training: false }).logProbs.sum();
    const through = valueAndGradients((flat) => {
      const { copies } = unflatten(flat, parameters);
      const parts = copies.map((factors, i) => ({ share: 0.8 * (mixture.weights[i] ?? NaN), factors }));
      const own = parameters.adapters && adapted(policy.reference, parameters.adapters, parts);
      return loss({ ...policy.reference, ...own });
    }, flatten(parameters));
    const merged = materialize(parameters, mixture);
    const { gradients } = valueAndGradients(loss, merged.weights);
    const found = flatten(distribute([{ gradients, mixture }], parameters));
    expect(Object.keys(found)).toEqual(Object.keys(flatten(parameters)));
    for (const [name, values] of Object.entries(valuesOf(found)))
      values.forEach((value, i) =>
        expect(Math.abs(value - (valuesOf(through.gradients)[name]?.[i] ?? NaN)), name).toBeLessThan(1e-5),
      );
  });

  it('have the gradients of finite differences', async () => {
    const policy = await movedPolicy('lora');
    const parameters = conditionedParameters(policy);
    const { tokenizer, config } = policy;
    const prompt = Int32Array.of(...tokenizer.encode('a'), tokenizer.sep);
    const packed = packGroups([
      { prompt, responses: [Int32Array.of(...tokenizer.encode('b a'), tokenizer.eos)] },
    ]);
    const lossAt = (at: ConditionedParameters): number => {
      const merged = materialize(at, mixture);
      const { logProbs } = scorePacked(config, merged.weights, packed, { training: false });
      merged.dispose();
      return logProbs.dataSync<'float32'>().reduce((sum, value) => sum + value, 0);
    };
    const merged = materialize(parameters, mixture);
    const { gradients } = valueAndGradients(
      (weights): Scalar => scorePacked(config, weights, packed, { training: false }).logProbs.sum(),
      merged.weights,
    );
    const found = valuesOf(flatten(distribute([{ gradients, mixture }], parameters)));
    const flat = flatten(parameters);
    for (const [name, tensor] of Object.entries(flat)) {
      const at = Math.floor(tensor.size / 2);
      const shifted = (by: number): number => {
        const values = tensor.dataSync().slice();
        values[at] = (values[at] ?? NaN) + by;
        return lossAt(unflatten({ ...flat, [name]: tf.tensor(values, tensor.shape) }, parameters));
      };
      const slope = (shifted(1e-2) - shifted(-1e-2)) / 2e-2;
      expect(Math.abs((found[name]?.[at] ?? NaN) - slope), name).toBeLessThan(2e-3 * (1 + Math.abs(slope)));
    }
  });

  it('cost the product of the factors that take part, and keep the reference resident', async () => {
    const policy = await movedPolicy('lora');
    const steered = parameterPolicy(policy);
    const { linears, rank } = adaptersOf(policy.config, { rank: 2, alpha: 4, targets: 'all' });
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
  });
});
