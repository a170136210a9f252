/** What a report says, as data: summary.json. Every figure of the page is one of these numbers. */
import type { Front, TrainedBy } from '../../schemas/artifact.js';
import type { Interval } from '../statistics/interval.js';

/** Mean over seeds with its two-sided 95% t interval; no interval with fewer than three seeds. */
export interface Estimate {
  readonly mean: number | null;
  readonly low: number | null;
  readonly high: number | null;
  /** How many seeds have the figure. */
  readonly n: number;
}

/** A measure of a front: its name, its meaning in a line, and which way is better. */
export interface Measure {
  readonly id: string;
  readonly title: string;
  readonly meaning: string;
  readonly better: 'lower' | 'higher' | 'neither';
  /** In the first table, among the details, or beside what was run. */
  readonly group: 'main' | 'detail' | 'budget';
  /** Decimals shown. */
  readonly digits: number;
}

export type Figures = Readonly<Record<string, number | null>>;

/** A point of one front, in exact figures where the world gives them, else in sampled ones. */
export interface SeedPoint {
  readonly weights: readonly number[];
  readonly rewards: readonly number[];
  /** Standard error of each reward over prompts; 0 where the reward is exact, null where it is not known. */
  readonly stderr: readonly number[] | null;
  readonly kl: number;
  /** V = (1 - alpha) w.r - alpha KL. */
  readonly value: number;
  /** Standard errors of KL and V over prompts; 0 where they are exact, null where they are not known. */
  readonly klStderr: number | null;
  readonly valueStderr: number | null;
  /** V of the reference model at the same trade-off. */
  readonly referenceValue: number;
  /** How many prompts have rewards, here and of the reference: the fewer; null where the front does not say. */
  readonly prompts: number | null;
  /** Half of the 95% interval over prompts of V minus that of the reference, at most; 0 where exact, null where not known. */
  readonly gainHalf: number | null;
  /** V* - V; null where the optimum is not known. */
  readonly regret: number | null;
  /** Mean sampled length in tokens and entropy in nats a token; null for the optimum. */
  readonly length: number | null;
  readonly entropy: number | null;
  readonly invalidMass: number | null;
}

export interface SeedSummary {
  readonly seed: string;
  /** Content digest of the reference model; null where the front does not say. */
  readonly reference: string | null;
  /** Content digest of the prompts and how many were asked; null where the front does not say. */
  readonly prompts: string | null;
  /** How its responses were drawn; null where from the policy itself. */
  readonly decoding: Front['decoding'] | null;
  /** Why its figures are sampled, where its prompts come from an exact world; null elsewhere. */
  readonly unlisted: string | null;
  /** Each way in which it was trained; empty where the front does not say. */
  readonly trainedBy: readonly TrainedBy[];
  /** Span relative to the optimum over what the reference writes (the span itself where that is not known); null where it is too small. */
  readonly spanInReach: number | null;
  readonly figures: Figures;
  readonly points: readonly SeedPoint[];
}

/** The same point over seeds. */
export interface PointSummary {
  readonly weights: readonly number[];
  readonly rewards: readonly Estimate[];
  readonly kl: Estimate;
  readonly value: Estimate;
  /** Mean over seeds of the standard error of V over prompts, which all seeds may share; null where it is not known. */
  readonly valueStderr: number | null;
  readonly regret: Estimate;
}

export interface CurveSummary {
  readonly name: string;
  /** Its place among all curves of the report, which decides its colour. */
  readonly index: number;
  readonly method: string;
  readonly coordinates: Readonly<Record<string, string>>;
  /** Those of the report, but for a variant of other rewards. */
  readonly objectives: readonly string[];
  readonly seeds: readonly SeedSummary[];
  readonly points: readonly PointSummary[];
  readonly figures: Readonly<Record<string, Estimate>>;
}

export interface SeedDifference {
  readonly seed: string;
  readonly difference: number;
}

/** What the differences of pairs say. */
export interface Paired {
  readonly difference: Estimate;
  /** Two-sided sign-flip p that the mean is 0, by enumeration up to 20 pairs and by random flips beyond. */
  readonly p: number;
  /** Of each seed that both have. */
  readonly seeds: readonly SeedDifference[];
}

/** What is decided of them: on the slice's primary measure alone, the others describe. */
export interface Judged {
  /** p that the mean is no larger than the margin, with Holm's correction; null where nothing is judged. */
  readonly adjusted: number | null;
  /** Sign-flip interval at the level of Holm's step, with ten pairs or more. */
  readonly range: Interval | null;
  /** Where that interval lies: below or above the margin, within it, or neither. */
  readonly verdict: 'lower' | 'higher' | 'alike' | 'undecided' | null;
  readonly why: string;
}

/** Mean of `a - b` over the seeds that both have and the trade-offs that both answer, paired by seed. */
export interface Difference extends Paired, Judged {
  readonly measure: string;
  readonly a: string;
  readonly b: string;
  /** How many trade-offs both answer, where that is not all; else empty. */
  readonly note: string;
}

/** Variant minus twin on one measure, over the trade-offs that both answer. */
export interface AblationDifference extends Paired, Judged {
  readonly measure: string;
}

/** Least amount by which all rewards of `a` must grow for its points to dominate those of `b`. */
export interface Epsilon {
  readonly a: string;
  readonly b: string;
  readonly epsilon: Estimate;
}

export interface LockInRate extends Interval {
  readonly curve: string;
  /** Seeds with a span under .75, and those of them that the reference holds back: they are no lock-in. */
  readonly lockedIn: number;
  readonly outOfReach: number;
  /** Seeds whose span is known. `low` and `high`: Wilson's 95% interval of the share that locked in. */
  readonly seeds: number;
}

/** Rates of lock-in, with Fisher's exact p of every pair. */
export interface LockIn {
  readonly rates: readonly LockInRate[];
  readonly pairs: readonly { readonly a: string; readonly b: string; readonly p: number }[];
}

/** A curve whose means are not like those of the others, in few words. */
export interface Unranked {
  readonly curve: string;
  readonly why: string;
}

/** A variant of the pipeline beside its twin: the curve of the same coordinates without `ablation`. */
export interface Ablation {
  readonly ablation: string;
  /** Name of the variant's curve. */
  readonly curve: string;
  /** Null where no front is its twin at this alpha. */
  readonly twin: string | null;
  /** Why there is no twin, or what a reader of the differences must know; empty where there is nothing to say. */
  readonly note: string;
  /** The trade-offs that both answer. */
  readonly tradeOffs: number;
  readonly differences: readonly AblationDifference[];
}

/** Change of one reward against the reference, at one trade-off of one front. */
export interface Change {
  readonly curve: string;
  readonly seed: string;
  readonly weights: readonly number[];
  readonly objective: string;
  readonly change: number;
  /** 95% by Student's t on the standard errors over prompts of both, taken as independent; null under three prompts, or where it is not known how many. */
  readonly low: number | null;
  readonly high: number | null;
}

/** Where each reward is set to 0 and to 1 before a hypervolume is taken. */
export interface Calibration {
  readonly zero: readonly number[];
  readonly one: readonly number[];
  readonly source: string;
}

/** All that was measured at one alpha. */
export interface Slice {
  readonly alpha: number;
  /** Every front of the slice has exact figures. */
  readonly exact: boolean;
  /** Id of the one measure on which curves are judged. */
  readonly judgedBy: string;
  readonly curves: readonly CurveSummary[];
  /** Curves with the coordinate `ablation`, which are compared with their twins alone. */
  readonly variants: readonly CurveSummary[];
  readonly ablations: readonly Ablation[];
  readonly optimum: CurveSummary | null;
  readonly reference: readonly Estimate[];
  readonly calibration: Calibration | null;
  readonly differences: readonly Difference[];
  readonly epsilons: readonly Epsilon[];
  readonly lockIn: LockIn;
  /** Curves that are neither ranked nor bold. */
  readonly unranked: readonly Unranked[];
  readonly changes: readonly Change[];
  /** What the figures say, in sentences. */
  readonly findings: readonly string[];
}

/** The same trade-off asked of every curve, at the first seed of each. */
export interface SampleRow {
  readonly alpha: number;
  readonly weights: readonly number[];
  readonly answers: readonly (SampleAnswer | null)[];
}
export interface SampleAnswer {
  readonly seed: string;
  readonly response: string;
  readonly rewards: readonly number[];
}
export interface SampleGroup {
  readonly prompt: string;
  readonly rows: readonly SampleRow[];
}

export interface Summary {
  readonly v: 1;
  readonly title: string;
  readonly description: string;
  readonly objectives: readonly string[];
  readonly curves: readonly string[];
  readonly measures: readonly Measure[];
  /** What a difference on the judged measure must exceed to be one. */
  readonly margin: number;
  readonly slices: readonly Slice[];
  readonly warnings: readonly string[];
  readonly samples: readonly SampleGroup[];
}
