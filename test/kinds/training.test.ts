/** Every training kind and the front on a tiny news world, from data to figures. */
import { beforeAll, describe, expect, it } from 'vitest';
import { Value } from 'typebox/value';
import type { ArtifactRef } from '../../runner/contract.js';
import { Front, PolicyManifest } from '../../schemas/artifact.js';
import { conditioningNames } from '../../schemas/conditionings.js';
import clp from '../../stages/kinds/clp.js';
import dataNews from '../../stages/kinds/data-news.js';
import front from '../../stages/kinds/front.js';
import rewardedSoup from '../../stages/kinds/rewarded-soup.js';
import sft from '../../stages/kinds/sft.js';
import soft from '../../stages/kinds/soft.js';
import { trainedTogether } from '../../stages/policy/soup.js';
import { output, runKind, type Ran } from './run.js';

const rewards = ['nli', 'rouge'];
const little = { steps: 2, batch: 2, samples: 4, max_tokens: 20 };

let news: Ran;
let model: ArtifactRef;
let sftRun: Ran;
let inputs: { reference: ArtifactRef; prompts: ArtifactRef };

beforeAll(async () => {
  news = await runKind(dataNews, { with: { size: 'small', documents: 64, validation: 16, test: 4 } });
  sftRun = await runKind(sft, {
    with: { model: { width: 16, layers: 1, heads: 2, context: 64 }, steps: 60, learning_rate: 0.02 },
    inputs: { data: output(news, 'train'), validation: output(news, 'validation') },
  });
  model = output(sftRun, 'model');
  inputs = { reference: model, prompts: output(news, 'train') };
}, 60_000);

async function frontOf(policy: ArtifactRef, change: object = {}): Promise<Front> {
  const ran = await runKind(front, {
    with: { grid: { weights: { simplex: 3 } }, samples: 2, max_tokens: 20, shown: 1, ...change },
    inputs: { policy, prompts: output(news, 'test') },
  });
  const found = await ran.json('front', 'front.json');
  if (!Value.Check(Front, found)) throw new Error('front.json is not a front');
  return found;
}

async function policyOf(ran: Ran): Promise<PolicyManifest> {
  const found = await ran.json('policy', 'policy.json');
  if (!Value.Check(PolicyManifest, found)) throw new Error('policy.json is not a policy');
  return found;
}

describe('sft', () => {
  it('logs a falling loss, the held-out loss and that of a bigram model', () => {
    const losses = sftRun.events.flatMap((event) =>
      event.type === 'metric' && event.name === 'loss' ? [event.value] : [],
    );
    expect(losses).toHaveLength(60);
    expect(losses.at(-1)).toBeLessThan(losses[0] ?? NaN);
    expect(sftRun.metric('eval/loss')).toBeGreaterThan(0);
    expect(sftRun.metric('eval/bigram_loss')).toBeGreaterThan(0.3);
  });

  it('logs means over the steps since it last logged, of which every one counts', async () => {
    const run = async (log_every: number): Promise<number[]> => {
      const ran = await runKind(sft, {
        with: { model: { width: 8, heads: 2, context: 64 }, steps: 5, batch: 2, log_every },
        inputs: { data: output(news, 'train') },
      });
      return ran.events.flatMap((event) =>
        event.type === 'metric' && event.name === 'loss' ? [event.value] : [],
      );
    };
    const each = await run(1);
    const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(each).toHaveLength(5);
    expect(await run(3)).toEqual([mean(each.slice(0, 3)), mean(each.slice(3))]);
  });

  it('gives the same bytes for the same seed, and others for another', async () => {
    const run = async (seed: number) =>
      output(
        await runKind(sft, {
          ...{ with: { model: { width: 8, heads: 2, context: 64 }, steps: 3, loss_on: 'all' }, seed },
          inputs: { data: output(news, 'train') },
        }),
        'model',
      ).digest;
    const first = await run(1);
    expect(await run(1)).toBe(first);
    expect(await run(2)).not.toBe(first);
  });

  it('refuses a document that does not fit the context, by its row', async () => {
    const short = runKind(sft, {
      with: { model: { width: 8, heads: 2, context: 24 }, steps: 1 },
      inputs: { data: output(news, 'train') },
    });
    await expect(short).rejects.toThrow(
      /row "train-0" has \d+ tokens, .* context is 24: raise model.context/,
    );
  });
});

describe('soft', () => {
  it('trains and is asked on a reward that any text may earn, beside the exact world', async () => {
    const ran = await runKind(soft, { with: { rewards: { nli: 0.5, brevity: 0.5 }, ...little }, inputs });
    const log = (found: Ran): string => found.events.map((e) => (e.type === 'log' ? e.text : '')).join('\n');
    expect(log(ran)).toContain(
      'figures of steering are not computed: "brevity" is no reward of the exact world',
    );
    const asked = await runKind(front, {
      with: { samples: 2, max_tokens: 20 },
      inputs: { policy: output(ran, 'policy'), prompts: output(news, 'test') },
    });
    expect(log(asked)).toContain('value and regret are not computed');
    const found = await asked.json('front', 'front.json');
    expect(found).toMatchObject({ objectives: ['brevity', 'nli'] });
    expect(JSON.stringify(found)).not.toContain('"regret"');
  });

  it('trains one policy for one reward, which answers one weighting', async () => {
    const ran = await runKind(soft, { with: { rewards: 'nli', ...little }, inputs });
    expect(await policyOf(ran)).toMatchObject({
      ...{ method: 'soft', objectives: ['nli'], weights: [1], conditioning: 'none' },
      ...{ alpha: { fixed: 0.05 }, reference: model.digest },
    });
    expect(ran.metric('rewards/nli/mean')).toBeTypeOf('number');
    const { points, reference } = await frontOf(output(ran, 'policy'));
    expect(points.map(({ weights }) => weights)).toEqual([[1]]);
    expect(reference.digest).toBe(model.digest);
  });

  it('trains an adapter of the reference, which alone is written for PEFT, and soups average', async () => {
    const lora = { rank: 2, alpha: 4, targets: 'all' };
    const experts = [];
    for (const reward of rewards) {
      const ran = await runKind(soft, {
        with: { rewards: reward, lora: { rank: 2, alpha: 4, targets: 'all' }, ...little },
        inputs,
      });
      expect(await policyOf(ran)).toMatchObject({ conditioning: 'none', lora });
      const adapter = await ran.json('adapter', 'adapter_config.json');
      expect(adapter).toMatchObject({ peft_type: 'LORA', r: 2, lora_alpha: 4 });
      experts.push({ stage: 'expert', coordinates: { reward }, artifact: output(ran, 'policy') });
    }
    const soup = await runKind(rewardedSoup, { with: {}, inputs: { experts } });
    expect(await policyOf(soup)).toMatchObject({ conditioning: 'full', lora });
    const [expert] = (await frontOf(experts[0]?.artifact ?? model)).points;
    const corner = (await frontOf(output(soup, 'policy'))).points.find(({ weights }) => weights[0] === 1);
    expect(corner?.exact?.value).toBe(expert?.exact?.value);
    expect(corner?.exact?.kl).toBeGreaterThan(0);
  });

  it('takes a map of weights', async () => {
    const ran = await runKind(soft, { with: { rewards: { nli: 0.25, tldr: 0.75 }, ...little }, inputs });
    expect(await policyOf(ran)).toMatchObject({ objectives: ['nli', 'tldr'], weights: [0.25, 0.75] });
  });

  it('warns that a biased estimator backs no claim', async () => {
    const ran = await runKind(soft, {
      with: { rewards: 'nli', ...little, kl: 'biased-k3-in-reward' },
      inputs,
    });
    expect(ran.events).toContainEqual({
      ...{ type: 'log', level: 'warning' },
      text: 'kl: biased-k3-in-reward does not estimate the gradient of the objective: use this policy for comparison only',
    });
  });
});

describe.each(conditioningNames)('clp with the conditioning %s', (conditioning) => {
  it('trains and answers a whole front, with exact figures', async () => {
    const ran = await runKind(clp, {
      with: { rewards, conditioning: { [conditioning]: {} }, trade_offs: 2, ...little },
      inputs,
    });
    expect(await policyOf(ran)).toMatchObject({ method: 'clp', objectives: rewards, conditioning });
    expect(ran.metric('train/regret/max')).toBeGreaterThan(0);
    const found = await frontOf(output(ran, 'policy'));
    expect(found.method).toBe(`clp-${conditioning}`);
    expect(found.points.map(({ weights }) => weights)).toEqual([
      [0, 1],
      [0.5, 0.5],
      [1, 0],
    ]);
    for (const { exact, n, kl } of found.points) {
      expect(n).toBe(8);
      expect(kl).toBeTypeOf('number');
      expect(exact?.regret).toBeGreaterThan(0);
      expect((exact?.optimum ?? NaN) - (exact?.value ?? NaN)).toBeCloseTo(exact?.regret ?? NaN, 9);
      expect(exact?.optimum).toBeGreaterThan(exact?.reference ?? NaN);
    }
    expect(found.samples).toHaveLength(3);
    const { cost } = found;
    expect(cost?.passesPerToken).toBe(1);
    expect(cost?.residentParameters).toBeGreaterThanOrEqual(cost?.trainedParameters ?? NaN);
    // Prompts alone steer these: nothing is merged.
    if (conditioning === 'prompt' || conditioning === 'soft-tokens') return;
    expect(cost?.mergeFlops).toBeGreaterThan(0);
  });
});

describe('clp', () => {
  it('conditions a range of alpha', async () => {
    const sampling = { alpha: { range: [0.02, 0.5] } };
    const ran = await runKind(clp, { with: { rewards, sampling, ...little }, inputs });
    expect(await policyOf(ran)).toMatchObject({ alpha: { range: [0.02, 0.5] }, referenceShare: 'log' });
    const { points } = await frontOf(output(ran, 'policy'), {
      grid: { weights: [[0.5, 0.5]], alpha: [0.02, 0.5] },
    });
    expect(points.map(({ alpha }) => alpha)).toEqual([0.02, 0.5]);
    // Nearer to the reference where alpha is high.
    expect(points[1]?.exact?.kl).toBeLessThan(points[0]?.exact?.kl ?? NaN);
  });
});

describe('rewarded-soup', () => {
  it('is the experts at its corners', async () => {
    const experts = [];
    for (const reward of rewards) {
      const ran = await runKind(soft, { with: { rewards: reward, ...little }, inputs });
      experts.push({ stage: 'expert', coordinates: { reward }, artifact: output(ran, 'policy') });
    }
    const soup = output(await runKind(rewardedSoup, { with: {}, inputs: { experts } }), 'policy');
    const found = await frontOf(soup);
    expect([found.method, found.objectives]).toEqual(['rewarded-soup', rewards]);
    expect(found.trained).toMatchObject({ steps: 4, groups: 8, responses: 32 });
    const [expert] = (await frontOf(experts[0]?.artifact ?? soup)).points;
    const corner = found.points.find(({ weights }) => weights[0] === 1);
    // The same model meets the same dice: the same responses.
    expect(corner?.kl).toBe(expert?.kl);
    expect(corner?.rewards[0]).toBe(expert?.rewards[0]);
  });
});

describe('what a policy was trained on', () => {
  it('says by which estimator, annealing and number of samples, for a report that draws claims from it', async () => {
    const change = { kl: 'biased-k3-in-reward', alpha_schedule: { from: 0.2, share: 0.5 }, samples: 2 };
    const ran = await runKind(soft, { with: { rewards: 'nli', ...little, ...change }, inputs });
    const alphaSchedule = { from: 0.2, share: 0.5 };
    const by = [{ kl: 'biased-k3-in-reward', biased: true, alphaSchedule, samples: 2 }];
    expect((await frontOf(output(ran, 'policy'))).trained).toMatchObject({ by });
  });

  // Two steps of two trade-offs (one of an expert), two prompts each, four responses a prompt.
  it.each([
    { name: 'soft', kind: soft, values: { rewards: 'nli' }, groups: 4 },
    { name: 'clp', kind: clp, values: { rewards, trade_offs: 2 }, groups: 8 },
  ])('$name counts it, and its front says it', async ({ kind, values, groups }) => {
    const ran = await runKind(kind, { with: { ...values, ...little }, inputs });
    const { trained } = await policyOf(ran);
    const tokens = ran.metric('num_tokens') ?? NaN;
    const by = [{ kl: 'k1-in-reward', biased: false, alphaSchedule: 'constant', samples: 4 }];
    expect(trained).toEqual({ steps: 2, groups, responses: 4 * groups, tokens, by });
    expect(tokens).toBeGreaterThan(4 * groups);
    expect((await frontOf(output(ran, 'policy'))).trained).toEqual(trained);
  });

  it('of a soup is that of its experts together, unless that of one is unknown', () => {
    const budget = { steps: 2, groups: 4, responses: 16, tokens: 300 };
    expect(trainedTogether([budget, { ...budget, steps: 5, tokens: 1 }])).toEqual({
      trained: { steps: 7, groups: 8, responses: 32, tokens: 301 },
    });
    expect(trainedTogether([budget, undefined])).toEqual({});
  });

  it('of a soup says each way once in which an expert was trained, as far as that is known', () => {
    const way = { kl: 'k1-in-reward', biased: false, alphaSchedule: 'constant' as const, samples: 4 };
    const other = { ...way, alphaSchedule: { from: 0.2, share: 0.33 } };
    const budget = { steps: 2, groups: 4, responses: 16, tokens: 300 };
    const by = (...ways: (typeof way | typeof other)[]) => ({ ...budget, by: ways });
    expect(trainedTogether([by(way), by({ ...way }), by(other)]).trained?.by).toEqual([way, other]);
    expect(trainedTogether([by(way), budget]).trained?.by).toEqual([way]);
    expect(trainedTogether([budget, budget]).trained).not.toHaveProperty('by');
  });
});

describe('front', () => {
  it('gives the same bytes for the same seed of its dice', async () => {
    const policy = output(await runKind(soft, { with: { rewards: 'nli', ...little }, inputs }), 'policy');
    const first = await frontOf(policy);
    expect(await frontOf(policy)).toEqual(first);
    expect((await frontOf(policy, { sampling_seed: 2 })).samples).not.toEqual(first.samples);
  });

  it('says by samples alone, and why, what a tokenizer of byte pairs makes uncountable', async () => {
    const bytes = await runKind(sft, {
      with: {
        ...{ model: { width: 16, heads: 2, context: 256 }, tokenizer: { bpe: { vocabulary: 400 } } },
        ...{ steps: 2, batch: 2 },
      },
      inputs: { data: output(news, 'train') },
    });
    const ran = await runKind(soft, {
      with: { rewards: 'nli', ...little },
      inputs: { ...inputs, reference: output(bytes, 'model') },
    });
    const why = 'the tokenizer says one text in several ways';
    expect(ran.events.map((event) => (event.type === 'log' ? event.text : '')).join('\n')).toContain(
      `figures of steering are not computed: ${why}`,
    );
    const found = await frontOf(output(ran, 'policy'));
    expect(found.unlisted).toContain(why);
    for (const point of found.points) expect(point).not.toHaveProperty('exact');
  });

  it('warns where the exact figures count responses that its samples are too short for', async () => {
    const policy = output(await runKind(soft, { with: { rewards: 'nli', ...little }, inputs }), 'policy');
    const warned = async (max_tokens: number): Promise<string> => {
      const ran = await runKind(front, {
        with: { grid: { weights: { simplex: 2 } }, samples: 1, max_tokens },
        inputs: { policy, prompts: output(news, 'test') },
      });
      return ran.events.map((event) => (event.type === 'log' ? event.text : '')).join('\n');
    };
    expect(await warned(12)).toMatch(
      /max_tokens: 12 cuts \d+% of the responses that the exact world lists, the longest of which has 20 tokens/,
    );
    expect(await warned(20)).not.toContain('cuts');
  });

  it('refuses an alpha that the policy was not trained for', async () => {
    const policy = output(await runKind(soft, { with: { rewards: 'nli', ...little }, inputs }), 'policy');
    await expect(frontOf(policy, { grid: { alpha: 0.3 } })).rejects.toThrow(
      'alpha 0.3 is not what the policy was trained for',
    );
  });
});
