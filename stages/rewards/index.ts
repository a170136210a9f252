/** Finding rewards by name: first among those that a dataset's world answers, then among the built-in ones. */
import { StageFailure } from '../../runner/contract.js';
import type { Dataset } from '../data/dataset.js';
import { worldOf } from '../data/world.js';
import { byName } from '../by-name.js';
import type { Row } from '../data/types.js';
import type { Reward } from './types.js';

type RewardModule = { readonly reward: Reward };

const builtIn: Readonly<Record<string, () => Promise<RewardModule>>> = {
  'rouge-l': () => import('./rouge-l.js'),
  faithfulness: () => import('./faithfulness.js'),
  brevity: () => import('./brevity.js'),
};

/**
 * The named rewards, in the order of `names`, each guarded: a score that is not finite is a StageFailure that names
 * the reward and the row. Unknown names, what the data offers and can't answer, and repeats are StageFailures.
 */
export async function rewardsOf(
  dataset: Pick<Dataset, 'manifest'>,
  names: readonly string[],
): Promise<readonly Reward[]> {
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (repeated !== undefined)
    throw failure('repeated-reward', `the reward ${quote(repeated)} is named twice`);
  const offered = dataset.manifest.rewards;
  // Only for a reward that it answers: the world's code then counts for the cell (names.ts), and else is not loaded.
  const world = names.some((name) => offered.includes(name)) ? await worldOf(dataset) : undefined;
  const find = async (name: string): Promise<Reward> => {
    if (!offered.includes(name))
      return guarded((await byName(builtIn, name, (known) => unknownReward(name, offered, known))).reward);
    const own = world?.rewards.find((reward) => reward.name === name);
    if (own) return guarded(own);
    throw failure('unanswered-reward', `the dataset offers a reward ${quote(name)}, and no world answers it`);
  };
  return Promise.all(names.map(find));
}

/** Scores one response on every reward; null where one of them doesn't apply (the row is then left out). */
export function scoreAll(rewards: readonly Reward[], row: Row, response: string): readonly number[] | null {
  const scores = rewards.map((reward) => reward.score(row, response));
  return scores.includes(null) ? null : (scores as number[]);
}

/**
 * A StageFailure where not one row can be scored on every reward: training would change nothing, and means would be
 * those of nothing. Looks no further than the first row that can.
 */
export function requireScores(rewards: readonly Reward[], rows: readonly Row[]): void {
  if (rows.some((row) => scoreAll(rewards, row, '') !== null)) return;
  const silent = rewards.find((reward) => rows.every((row) => reward.score(row, '') === null));
  const names = rewards.map(({ name }) => quote(name)).join(', ');
  throw failure(
    'nothing-scored',
    (silent
      ? `the reward ${quote(silent.name)} scores none of the ${rows.length} prompts: they lack what it needs`
      : `none of the ${rows.length} prompts is scored by all of ${names}`) +
      '; give the rows what the rewards compare with (such as a `response`), or leave a reward out',
  );
}

/** The same reward, except that a score that is no finite number is a StageFailure: it would spoil every mean. */
export function guarded(reward: Reward): Reward {
  return {
    name: reward.name,
    score(row, response) {
      const score = reward.score(row, response);
      if (score === null || Number.isFinite(score)) return score;
      throw failure(
        'reward-not-finite',
        `the reward ${quote(reward.name)} gave ${score} for row ${quote(row.id)} and the response ` +
          `${quote(response.slice(0, 80))}; expected a finite number, or null where it doesn't apply`,
      );
    },
  };
}

function unknownReward(name: string, offered: readonly string[], known: readonly string[]): StageFailure {
  const own = offered.length > 0 ? `the dataset answers ${offered.join(', ')}` : 'the dataset answers none';
  return failure(
    'unknown-reward',
    `no reward is called ${quote(name)}: ${own}; built in are ${known.join(', ')}`,
  );
}

function failure(code: string, message: string): StageFailure {
  return new StageFailure('user', code, message);
}

const quote = (text: string): string => JSON.stringify(text);
