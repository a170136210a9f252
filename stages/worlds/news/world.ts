/**
 * The news world: items in readable text whose summaries can all be listed, so that V* and V of a language model are
 * exact. A test bed with rules of its own, not a claim about news.
 */
import { problemOf, type ListedResponse, type ListedWorld } from '../../data/listed-world.js';
import type { Row } from '../../data/types.js';
import type { FiniteProblem } from '../types.js';
import type { NewsFacts } from './facts.js';
import { newsRewards, summaryRewards, type NewsReward, type NewsScores } from './rewards.js';
import { clausesOf, parseSummary, textOf, validSummaries, type Summary } from './summary.js';

/** The summary that a text is of an item; undefined where the gate closes: no summary, or something false. */
export function parse(text: string, facts: NewsFacts): Summary | undefined {
  return parseSummary(text, clausesOf(facts));
}

/** The rewards of any text as a summary of an item. */
export function scoreText(text: string, facts: NewsFacts, kappa: number): NewsScores {
  const words = clausesOf(facts);
  return summaryRewards(parseSummary(text, words), words, kappa);
}

/** All 126 texts that earn anything for an item, with their rewards. */
export function listResponses(facts: NewsFacts, kappa: number): readonly ListedResponse[] {
  const words = clausesOf(facts);
  return validSummaries().map((summary) => ({
    text: textOf(summary, words),
    rewards: { ...summaryRewards(summary, words, kappa) },
  }));
}

export interface NewsProblemOptions {
  readonly kappa: number;
  readonly objectives: readonly NewsReward[];
}

/**
 * The finite problem of an item, given log pi_ref of each text of `listResponses`, in its order and with the end of
 * the text. What they leave of 1 is the invalid mass.
 */
export function newsProblem(
  facts: NewsFacts,
  logReference: Float64Array,
  { kappa, objectives }: NewsProblemOptions,
): FiniteProblem {
  return problemOf(listResponses(facts, kappa), objectives, logReference);
}

/** The world that a dataset's manifest names: `parameters.kappa` is the dial. */
export function openWorld(parameters: Readonly<Record<string, unknown>>): ListedWorld {
  const kappa = parameters.kappa;
  if (typeof kappa !== 'number')
    throw new Error('internal error: a news dataset without its kappa was opened; please report it');
  return {
    name: 'news',
    rewards: newsRewards.map((name) => ({
      name,
      score: (row, response) => scoreText(response, factsOf(row), kappa)[name],
    })),
    responses: (row) => listResponses(factsOf(row), kappa),
  };
}

function factsOf(row: Row): NewsFacts {
  if (row.facts === undefined)
    throw new Error(`internal error: the news item ${row.id} came without its facts; please report it`);
  return row.facts as NewsFacts;
}
