/**
 * Comparing the clause tree with one that was computed elsewhere: texts, rewards, probabilities, optima and mixing
 * gaps of one item. Used by `npm run oracle` for files of this shape.
 */
import { expectations } from './expected.js';
import { newsRewards, type NewsReward } from './rewards.js';
import { clauseTree, type ClauseTree, type SlotWords } from './tree.js';

export interface NewsOracle {
  readonly clauses: SlotWords;
  readonly alpha: number;
  /** One a leaf: (opener * 8 + first slot) * 8 + second slot. */
  readonly reference_prob: readonly number[];
  readonly dials: readonly NewsOracleDial[];
}

export interface NewsOracleDial {
  readonly kappa: number;
  /** nli, rouge, tldr of each leaf. */
  readonly rewards: readonly (readonly number[])[];
  /** The text of each leaf, without marks. */
  readonly text: readonly string[];
  readonly cases: readonly NewsOracleCase[];
}

export interface NewsOracleCase {
  /** Indices of the rewards that are weighted. */
  readonly rewards: readonly number[];
  readonly w: readonly number[];
  readonly V_star: number;
  readonly V_ref: number;
  readonly gap_logit_mix: number;
  readonly reward_star: readonly number[];
  readonly P_hedge_star: number;
}

type Note = (group: string, found: number | undefined, expected: number | undefined) => void;

/** Largest absolute error of each group of figures; in `text` a leaf with another text is an error of 1. */
export function newsOracleErrors(oracle: NewsOracle): Readonly<Record<string, number>> {
  const errors: Record<string, number> = {};
  const note: Note = (group, found, expected) => {
    const error = Math.abs((found ?? Infinity) - (expected ?? Infinity));
    errors[group] = Math.max(errors[group] ?? 0, Number.isNaN(error) ? Infinity : error);
  };
  for (const dial of oracle.dials) {
    const tree = clauseTree(oracle.clauses, dial.kappa);
    compareLeaves(tree, dial, oracle.reference_prob, note);
    for (const known of dial.cases) compareCase(tree, known, oracle.alpha, note);
  }
  return errors;
}

function compareLeaves(
  tree: ClauseTree,
  dial: NewsOracleDial,
  probabilities: readonly number[],
  note: Note,
): void {
  const leaves = Math.max(tree.texts.length, dial.text.length, probabilities.length);
  for (let leaf = 0; leaf < leaves; leaf++) {
    note('reference_prob', tree.probabilities[leaf], probabilities[leaf]);
    note('text', plain(tree.texts[leaf]) === dial.text[leaf] ? 0 : 1, 0);
    newsRewards.forEach((name, i) => note('rewards', tree.rewards[leaf]?.[name], dial.rewards[leaf]?.[i]));
  }
}

function compareCase(tree: ClauseTree, known: NewsOracleCase, alpha: number, note: Note): void {
  const objectives = known.rewards.map((i) => newsRewards[i] as NewsReward);
  const [found] = expectations(tree, objectives, { alpha, weights: [known.w] });
  note('V_star', found?.optimum, known.V_star);
  note('V_ref', found?.reference, known.V_ref);
  note('gap_logit_mix', found?.mixingGap, known.gap_logit_mix);
  note('P_hedge_star', found?.hedge, known.P_hedge_star);
  known.reward_star.forEach((r, i) => note('reward_star', found?.rewards[i], r));
}

/** A text without its marks. */
function plain(text: string | undefined): string | undefined {
  return text?.replace(/ [:,.]/g, '');
}
