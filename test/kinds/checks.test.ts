/** What the declarations refuse before anything runs. */
import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import type { InputTraits, StageKind } from '../../runner/contract.js';
import clp from '../../stages/kinds/clp.js';
import front from '../../stages/kinds/front.js';
import rewardedSoup from '../../stages/kinds/rewarded-soup.js';
import sft from '../../stages/kinds/sft.js';
import soft from '../../stages/kinds/soft.js';
import { scheduleProblems } from '../../stages/rl/options.js';

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

  it('says of annealing that begins at or below alpha that it does nothing, of a range at which alphas', () => {
    const idle = 'alpha-schedule-idle at alpha_schedule.from';
    const annealed = (from: number, alpha: unknown = 0.05): string[] =>
      problems(clp, { rewards, alpha_schedule: { from }, sampling: { alpha } });
    expect(annealed(0.02)).toEqual([idle]);
    expect(annealed(0.05)).toEqual([idle]);
    expect(annealed(0.2)).toEqual([]);
    expect(annealed(0.2, { range: [0.02, 0.1] })).toEqual([]);
    expect(problems(soft, { rewards: 'nli', alpha: 0.05, alpha_schedule: { from: 0.02 } })).toEqual([idle]);
    const said = (from: number): (boolean | undefined)[] =>
      scheduleProblems({ from, share: 0.3 }, [0.05, 0.5]).map(({ mayBeMeant }) => mayBeMeant);
    expect([said(0.02), said(0.2), said(0.6)]).toEqual([[undefined], [true], []]);
  });

  it('warns of settings that change nothing beside the others', () => {
    const range = { range: [0.02, 0.5] };
    const corners = (weights: unknown) => problems(clp, { rewards, sampling: { weights, corners: 0.3 } });
    expect(corners('corners')).toEqual(['corners-idle at sampling.corners']);
    expect(corners({ dirichlet: 1 })).toEqual([]);
    const share = (change: object) => problems(clp, { rewards, reference_share: 'beta', ...change });
    expect(share({ sampling: { alpha: range } })).toEqual([]);
    expect(share({})).toEqual(['reference-share-idle at reference_share']);
    expect(share({ sampling: { alpha: range }, conditioning: 'prompt' })).toEqual([
      'reference-share-idle at reference_share',
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

  it('needs responses to compare with where a reward does', () => {
    const bare = { prompts: { rewards: [], columns: ['id', 'prompt'] } };
    expect(problems(clp, { rewards: ['rouge-l', 'brevity'] }, bare)).toEqual(['missing-column at rewards.0']);
    expect(problems(clp, { rewards: ['faithfulness', 'brevity'] }, bare)).toEqual([]);
    expect(problems(clp, { rewards: ['rouge-l', 'brevity'] })).toEqual([]);
    const policy = { objectives: ['rouge-l', 'brevity'] };
    expect(problems(front, {}, { policy, ...bare })).toEqual(['missing-column at prompts']);
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

describe('where inputs come from', () => {
  const lineage = (stage: string, digest?: string, coordinates: Record<string, string> = {}) => ({
    ...{ stage, coordinates, output: 'model' },
    ...(digest === undefined ? {} : { digest }),
  });
  const expert = (objective: string, reference: ReturnType<typeof lineage>) => ({
    ...{ objectives: [objective], reference, domain: { alpha: 0.05, weights: [[1]] } },
    lineage: { stage: 'expert', coordinates: { reward: objective, seed: '0' }, output: 'policy' },
  });
  const soup = (...experts: ReturnType<typeof expert>[]) => rewardedSoup.check?.({}, { experts }) ?? [];

  it('experts of a soup have one reference: both are named, by what tells them apart', () => {
    const experts = [expert('nli', lineage('sft-a', '1')), expert('rouge', lineage('sft-b', '2'))];
    expect(soup(...experts)).toEqual([
      {
        code: 'reference-lineage',
        path: ['experts'],
        message:
          'the experts of a soup start from one reference: `$expert(reward=nli).policy` was trained from ' +
          '`$sft-a.model`, `$expert(reward=rouge).policy` was trained from `$sft-b.model`',
        hint: 'train them all from one of these',
      },
    ]);
  });

  it('references of one stage are told apart by their coordinates', () => {
    const at = (seed: string) => lineage('sft', seed, { seed, width: '32' });
    const [problem] = soup(expert('nli', at('0')), expert('rouge', at('1')));
    expect(problem?.message).toContain('`$sft(seed=0).model`');
    expect(problem?.hint).toBe(
      'neither pick nor gather `seed`: left free, it joins policies of the same reference',
    );
  });

  it('equal digests are one reference, and an unknown one is no error', () => {
    expect(soup(expert('nli', lineage('a', '1')), expert('rouge', lineage('b', '1')))).toEqual([]);
    expect(soup(expert('nli', lineage('a', '1')), expert('rouge', lineage('b')))).toEqual([]);
    expect(soup(expert('nli', lineage('a')), expert('rouge', lineage('b')))).toEqual([]);
  });

  it('experts of a soup have one alpha', () => {
    const other = { ...expert('rouge', lineage('a', '1')), domain: { alpha: 0.1, weights: [[1]] } };
    expect(soup(expert('nli', lineage('a', '1')), other).map(({ code }) => code)).toEqual(['soup-alpha']);
  });

  it.each([
    { name: 'soft', kind: soft, values: { rewards: 'nli' } },
    { name: 'clp', kind: clp, values: { rewards: ['nli', 'rouge'] } },
  ])('$name takes prompts of the world that its reference knows', ({ kind, values }) => {
    const from = (world?: string) => (world === undefined ? {} : { world });
    const found = (reference?: string, world?: string): string[] =>
      problems(kind, values, { reference: from(reference), prompts: { ...prompts, ...from(world) } });
    expect(found('news of size full', 'news of size small')).toEqual(['other-world at prompts']);
    expect(found('news of size full', 'news of size full')).toEqual([]);
    expect(found(undefined, 'news of size full')).toEqual([]);
    expect(found('news of size full')).toEqual([]);
  });

  it('a policy has its reference and its world, and hands them on', () => {
    const reference = { lineage: lineage('sft', '1'), world: 'news' };
    const made = [soft, clp].map((kind) => {
      const values = Value.Default(kind.with, { rewards: ['nli', 'rouge'] }) as Record<string, unknown>;
      return kind.outputs(values, { reference, prompts }).policy?.traits;
    });
    for (const traits of made) expect(traits).toMatchObject({ reference: reference.lineage, world: 'news' });
    expect(made.map((traits) => traits?.domain)).toEqual([
      { alpha: 0.05, weights: [[0.5, 0.5]] },
      { alpha: 0.05 },
    ]);
    const experts = [made[0] ?? {}, made[0] ?? {}];
    const mixed = rewardedSoup.outputs({}, { experts }).policy?.traits;
    expect(mixed).toMatchObject({ reference: reference.lineage, world: 'news', domain: { alpha: 0.05 } });
    expect(mixed?.domain).not.toHaveProperty('weights');
    expect(front.outputs({}, { policy: mixed ?? {} }).front?.traits?.reference).toEqual(reference.lineage);
  });

  it('a front asks a policy for what it was trained for', () => {
    const ask = (grid: object, domain: object) =>
      problems(front, { grid }, { policy: { objectives: ['nli', 'rouge'], ...domain }, prompts });
    const ranged = { domain: { alpha: [0.02, 0.2] as const } };
    const fixed = { domain: { alpha: 0.05, weights: [[0.5, 0.5]] } };
    expect(ask({ alpha: [0.02, 0.1, 0.2] }, ranged)).toEqual([]);
    expect(ask({ alpha: [0.1, 0.3] }, ranged)).toEqual(['outside-domain at grid.alpha.1']);
    expect(ask({ alpha: 0.1 }, fixed)).toEqual(['outside-domain at grid.alpha']);
    expect(ask({ alpha: 1 }, fixed)).toEqual(['alpha-range at grid.alpha']);
    expect(ask({ alpha: 0.1 }, {})).toEqual([]);
    expect(
      ask(
        {
          weights: [
            [0.5, 0.5],
            [1, 0],
          ],
        },
        fixed,
      ),
    ).toEqual(['outside-domain at grid.weights.1']);
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
  /** Left out they mean that there is none, or no parts: no value of theirs would say that. */
  const absent = ['rewards', 'lora', 'micro_batch'];

  it('describes every field, and gives every optional one a default', () => {
    const properties = Object.entries(kind.with.properties) as [
      string,
      { description?: string; default?: unknown },
    ][];
    for (const [name, schema] of properties) {
      expect(schema.description, name).toBeTypeOf('string');
      if (!absent.includes(name)) expect(schema, name).toHaveProperty('default');
    }
  });
});

describe('settings that an input makes idle', () => {
  it('are those that the checks refuse beside it', () => {
    expect(sft.idle?.(new Set(['data']))).toEqual([]);
    const idle = sft.idle?.(new Set(['data', 'base'])) ?? [];
    expect(idle).toEqual(['model', 'vocabulary', 'tokenizer']);
    const others = { model: { width: 8 }, vocabulary: 99, tokenizer: { bpe: {} } };
    expect(problems(sft, others, { data: prompts, base: {} })).toEqual(
      idle.map((name) => `sft-base at ${name}`),
    );
  });
});
