/**
 * The clause tree of one item: every way to decide opener and slots, with text, rewards and the probability with
 * which SFT data are written. Its exact optimum and mixing gaps are what is expected before anything is trained.
 */
import type { Clause } from './facts.js';
import type { FiniteProblem } from '../types.js';
import { summaryRewards, type NewsReward } from './rewards.js';
import { regionOf, summaryText, type ClauseId, type ClauseWords, type Summary } from './summary.js';
import { allDecisions, decisionProbability, type Decisions, type Slot } from './writing.js';

/** The words of every clause of an item, the contradicted one among them. */
export type SlotWords = ClauseWords & { readonly x: Clause };

export interface ClauseTree {
  /** leaf = (opener * 8 + first slot) * 8 + second slot. */
  readonly decisions: readonly Decisions[];
  readonly texts: readonly string[];
  readonly rewards: readonly Readonly<Record<NewsReward, number>>[];
  readonly probabilities: readonly number[];
  /** Opener and slots of each leaf as numbers, for mixing decision by decision. */
  readonly paths: readonly (readonly number[])[];
}

export function clauseTree(words: SlotWords, kappa: number): ClauseTree {
  const decisions = allDecisions();
  return {
    decisions,
    texts: decisions.map((leaf) => decisionsText(leaf, words)),
    rewards: decisions.map((leaf) => summaryRewards(decidedSummary(leaf), words, kappa)),
    probabilities: decisions.map(decisionProbability),
    paths: decisions.map((_, leaf) => [leaf >> 6, (leaf >> 3) & 7, leaf & 7]),
  };
}

/** The tree as a finite problem over the named rewards. */
export function treeProblem(tree: ClauseTree, objectives: readonly NewsReward[]): FiniteProblem {
  return {
    rewards: tree.rewards.map((leaf) => objectives.map((name) => leaf[name])),
    logReference: Float64Array.from(tree.probabilities, Math.log),
  };
}

/** The text that decisions stand for. */
export function decisionsText({ opener, slots: chosen }: Decisions, words: SlotWords): string {
  const clauses = said(chosen).map((slot) => words[slot]);
  return summaryText(opener, clauses, regionOf(words));
}

/** The summary that decisions stand for; undefined where it says nothing, or something false. */
function decidedSummary({ opener, slots: chosen }: Decisions): Summary | undefined {
  const clauses = said(chosen).filter((slot): slot is ClauseId => slot !== 'x');
  const valid = clauses.length > 0 && clauses.length === said(chosen).length;
  return valid ? { opener, clauses } : undefined;
}

/** The clauses before the end. */
function said(chosen: readonly Slot[]): readonly Exclude<Slot, '.'>[] {
  const end = chosen.indexOf('.');
  return chosen.slice(0, end < 0 ? chosen.length : end).filter((slot) => slot !== '.');
}
