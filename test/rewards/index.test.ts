import { describe, expect, it } from 'vitest';
import type { DatasetManifest } from '../../schemas/artifact.js';
import { guarded, requireScores, rewardsOf, scoreAll } from '../../stages/rewards/index.js';
import { builtInRewards, rewardModules, worldModules, worldRewards } from '../../stages/rewards/names.js';
import { existsSync } from 'node:fs';
import { drawNews } from '../../stages/worlds/news/draw.js';
import { openWorld } from '../../stages/worlds/news/world.js';

const plain: DatasetManifest = { v: 1, columns: ['id', 'prompt'], rewards: [], rows: 0, digest: '' };
const news: DatasetManifest = {
  ...plain,
  rewards: ['nli', 'rouge', 'tldr'],
  world: { name: 'news', parameters: { kappa: 0.75 } },
};
const failure = (code: string, text: string) =>
  expect.objectContaining({
    failure: { class: 'user', code, message: expect.stringContaining(text) as string },
  }) as Error;

describe('rewards by name', () => {
  it("are first the data's own, in the order asked for", async () => {
    const rewards = await rewardsOf({ manifest: news }, ['tldr', 'nli']);
    const row = drawNews({ size: 'small', seed: 0, counts: { test: 1 } }).test?.[0];
    if (!row) throw new Error('no row was drawn');
    expect(rewards.map((reward) => reward.name)).toEqual(['tldr', 'nli']);
    const [headline] = openWorld({ kappa: 0.75 })
      .responses(row)
      .filter(({ rewards: r }) => r.tldr === 1);
    expect(scoreAll(rewards, row, headline?.text ?? '')).toEqual([1, 0]);
  });

  it('are else built in', async () => {
    const rewards = await rewardsOf({ manifest: news }, ['brevity', 'nli', 'rouge-l', 'faithfulness']);
    expect(rewards.map((reward) => reward.name)).toEqual(['brevity', 'nli', 'rouge-l', 'faithfulness']);
  });

  it('are refused where they score none of the rows, by the name of the one that never does', async () => {
    const rewards = await rewardsOf({ manifest: plain }, ['brevity', 'rouge-l', 'faithfulness']);
    const rows = ['a fire', 'a flood'].map((prompt, i) => ({ id: `row-${i}`, prompt }));
    expect(() => requireScores(rewards, rows)).toThrow(
      failure('nothing-scored', 'the reward "rouge-l" scores none of the 2 prompts'),
    );
    const [first] = rows;
    if (!first) throw new Error('there is no row');
    expect(() => requireScores(rewards, [{ ...first, response: 'fire' }, ...rows])).not.toThrow();
    const halves = [
      { ...first, prompt: '...', response: 'fire' },
      { ...first, prompt: 'a fire' },
    ];
    expect(() => requireScores(rewards, halves)).toThrow(
      failure(
        'nothing-scored',
        'none of the 2 prompts is scored by all of "brevity", "rouge-l", "faithfulness"',
      ),
    );
  });

  it('open the world of the data only for a reward that it answers', async () => {
    const strange = { ...news, world: { name: 'elsewhere', parameters: {} } };
    expect(await rewardsOf({ manifest: strange }, ['brevity'])).toHaveLength(1);
    await expect(rewardsOf({ manifest: strange }, ['nli'])).rejects.toEqual(
      failure('unknown-world', 'the dataset comes from the world "elsewhere"'),
    );
  });

  it('are an error where nothing answers to the name, with what would', async () => {
    await expect(rewardsOf({ manifest: plain }, ['nli'])).rejects.toEqual(
      failure(
        'unknown-reward',
        'no reward is called "nli": the dataset answers none; built in are rouge-l, faithfulness, brevity',
      ),
    );
    await expect(rewardsOf({ manifest: news }, ['constructor'])).rejects.toEqual(
      failure('unknown-reward', 'the dataset answers nli, rouge, tldr'),
    );
  });

  it('are an error where the data offers what its world does not answer, or one is named twice', async () => {
    const shadow = { ...news, rewards: ['nli', 'brevity'] };
    await expect(rewardsOf({ manifest: shadow }, ['brevity'])).rejects.toEqual(
      failure('unanswered-reward', 'the dataset offers a reward "brevity"'),
    );
    await expect(rewardsOf({ manifest: news }, ['nli', 'nli'])).rejects.toEqual(
      failure('repeated-reward', '"nli" is named twice'),
    );
  });
});

describe('scores', () => {
  const row = { id: 'a-row', prompt: 'text' };
  const constant = (value: number | null) => guarded({ name: 'odd', score: () => value });

  it.each([NaN, Infinity, -Infinity])('of %f are a failure that names reward, row and response', (value) => {
    expect(() => constant(value).score(row, 'an answer')).toThrow(
      failure(
        'reward-not-finite',
        `the reward "odd" gave ${value} for row "a-row" and the response "an answer"`,
      ),
    );
  });

  it('leave the row out where a reward does not apply', () => {
    expect(scoreAll([constant(1), constant(null)], row, '')).toBeNull();
    expect(scoreAll([constant(1), constant(0.5)], row, '')).toEqual([1, 0.5]);
  });
});

describe('modules of rewards', () => {
  it('are those of the names alone, sorted, each once', () => {
    expect(rewardModules(['nli', 'brevity', 'tldr', 'unheard-of'])).toEqual([
      'stages/data/world',
      'stages/rewards/brevity',
      'stages/rewards/index',
      'stages/worlds/news/world',
    ]);
  });

  it('exist, and answer to the names that are listed', async () => {
    const root = new URL('../../', import.meta.url);
    for (const module of [...rewardModules(builtInRewards), ...worldModules])
      expect(existsSync(new URL(`${module}.ts`, root))).toBe(true);
    const rewards = await rewardsOf({ manifest: plain }, builtInRewards);
    expect(rewards.map((reward) => reward.name)).toEqual(builtInRewards);
    const world = openWorld({ kappa: 0.75 });
    expect(world.rewards.map((reward) => reward.name)).toEqual(worldRewards[world.name]);
    // Data answers first: no name may mean two things.
    expect(
      Object.values(worldRewards)
        .flat()
        .filter((name) => builtInRewards.includes(name)),
    ).toEqual([]);
  });
});
