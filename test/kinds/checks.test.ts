/** What the declarations refuse before anything runs. */
import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import type { InputTraits, StageKind } from '../../runner/contract.js';
import clp from '../../stages/kinds/clp.js';
import front from '../../stages/kinds/front.js';
import rewardedSoup from '../../stages/kinds/rewarded-soup.js';
import sft from '../../stages/kinds/sft.js';
import soft from '../../stages/kinds/soft.js';

const prompts = { rewards: ['nli', 'rouge', 'tldr'], columns: ['id', 'prompt', 'response'] };

function problems(kind: StageKind, values: object, inputs: InputTraits = { prompts }): string[] {
  const filled = Value.Default(kind.with, structuredClone(values)) as Record<string, unknown>;
  expect(Value.Check(kind.with, filled), JSON.stringify(Value.Errors(kind.with, filled))).toBe(true);
  return (kind.check?.(filled, inputs) ?? []).map(({ code, path }) => `${code} at ${path.join('.')}`);
}

describe('clp', () => {
  const rewards = ['nli', 'rouge'];

  it('takes the example of the language as it stands', () => {
    const sampling = { weights: { dirichlet: 1 }, alpha: 0.05 };
    expect(
      problems(clp, { rewards: ['nli', 'rouge', 'tldr'], conditioning: 'full', sampling, steps: 300 }),
    ).toEqual([]);
  });

  it.each([0, 1, -0.1, 1.5])('refuses alpha %d', (alpha) => {
    expect(problems(clp, { rewards, sampling: { alpha } })).toEqual(['alpha-range at sampling.alpha']);
  });

  it('refuses ranges of alpha that leave (0,1) or run backwards', () => {
    expect(problems(clp, { rewards, sampling: { alpha: { range: [0, 0.5] } } })).toEqual([
      'alpha-range at sampling.alpha.range.0',
    ]);
    expect(problems(clp, { rewards, sampling: { alpha: { range: [0.5, 0.1] } } })).toEqual([
      'alpha-order at sampling.alpha.range',
    ]);
    expect(problems(clp, { rewards, alpha_schedule: { from: 1 } })).toEqual([
      'alpha-range at alpha_schedule.from',
    ]);
  });

  it('needs two different rewards, which the prompts can answer', () => {
    expect(problems(clp, { rewards: ['nli'] })).toEqual(['too-few-rewards at rewards']);
    expect(problems(clp, { rewards: ['nli', 'nli'] })).toEqual([
      'too-few-rewards at rewards',
      'repeated-reward at rewards.1',
    ]);
    expect(problems(clp, { rewards: ['nli', 'helpfulness'] })).toEqual(['unknown-reward at rewards.1']);
    expect(problems(clp, { rewards: ['nli', 'brevity'] })).toEqual([]);
    expect(problems(clp, { rewards: ['nli', 'helpfulness'] }, {})).toEqual([]);
  });

  it('counts the module of its own conditioning, and of its own rewards', () => {
    const modules = clp.modules?.({
      rewards: ['nli', 'brevity'],
      conditioning: { prompt: { spelling: 'percent' } },
    });
    expect(modules).toContain('stages/policy/conditioning/prompt');
    expect(modules).toContain('stages/rewards/brevity');
    expect(modules).not.toContain('stages/policy/conditioning/full');
  });
});

describe('soft', () => {
  it('takes a name, a list or a map of weights on the simplex', () => {
    expect(problems(soft, { rewards: 'nli' })).toEqual([]);
    expect(problems(soft, { rewards: ['nli', 'tldr'] })).toEqual([]);
    expect(problems(soft, { rewards: { nli: 0.5, tldr: 0.5 } })).toEqual([]);
    expect(problems(soft, { rewards: { nli: 0.5, tldr: 0.6 } })).toEqual(['weights-simplex at rewards']);
    expect(problems(soft, { rewards: { nli: 0.5, wit: 0.5 } })).toEqual(['unknown-reward at rewards.wit']);
    expect(problems(soft, { rewards: 'nli', alpha: 1 })).toEqual(['alpha-range at alpha']);
  });
});

describe('rewarded-soup', () => {
  const soup = (...experts: string[][]) =>
    problems(rewardedSoup, {}, { experts: experts.map((objectives) => ({ objectives })) });

  it('mixes two experts or more of different objectives, one each', () => {
    expect(soup(['nli'], ['rouge'])).toEqual([]);
    expect(soup(['nli'])).toEqual(['soup-experts at experts']);
    expect(soup(['nli'], ['nli'])).toEqual(['soup-experts at experts']);
    expect(soup(['nli', 'rouge'], ['tldr'])).toEqual(['soup-expert at experts']);
  });

  it('hands their objectives on in their order', () => {
    const outputs = rewardedSoup.outputs(
      {},
      { experts: [{ objectives: ['nli'] }, { objectives: ['rouge'] }] },
    );
    expect(outputs.policy?.traits?.objectives).toEqual(['nli', 'rouge']);
  });
});

describe('front', () => {
  const policy = { objectives: ['nli', 'rouge'] };

  it('refuses weights off the simplex or too few, and alphas outside (0,1)', () => {
    const grid = (weights: number[][], alpha: unknown = 'trained') =>
      problems(front, { grid: { weights, alpha } }, { policy, prompts });
    expect(grid([[0.5, 0.5]])).toEqual([]);
    expect(grid([[0.5, 0.4]])).toEqual(['weights-simplex at grid.weights.0']);
    expect(grid([[1]])).toEqual(['weights-length at grid.weights.0']);
    expect(grid([[0.5, 0.5]], [0.1, 1])).toEqual(['alpha-range at grid.alpha.1']);
  });

  it("refuses prompts that can't answer the policy's objectives", () => {
    expect(problems(front, {}, { policy: { objectives: ['nli', 'wit'] }, prompts })).toEqual([
      'unknown-reward at prompts',
    ]);
  });
});

describe('sft', () => {
  it('needs a width that the heads divide, and responses', () => {
    expect(problems(sft, { model: { width: 30, heads: 4 } }, {})).toEqual(['model-heads at model.heads']);
    expect(problems(sft, {}, { data: { columns: ['id', 'prompt'] } })).toEqual(['missing-column at data']);
  });
});

describe.each([sft, soft, clp, rewardedSoup, front])('the declaration of $name', (kind) => {
  it('describes every field, and gives every optional one a default', () => {
    const properties = Object.entries(kind.with.properties) as [
      string,
      { description?: string; default?: unknown },
    ][];
    for (const [name, schema] of properties) {
      expect(schema.description, name).toBeTypeOf('string');
      if (name !== 'rewards') expect(schema, name).toHaveProperty('default');
    }
  });
});
