/** What a report says, as data: summary.json. Every figure of the page is one of these numbers. */
import type { Front } from '../../schemas/artifact.js';

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
  /** V of the reference model at the same trade-off. */
  readonly referenceValue: number;
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

/** Mean of `a - b` over the seeds that both have, paired by seed. */
export interface Difference {
  readonly measure: string;
  readonly a: string;
  readonly b: string;
  readonly difference: Estimate;
  /** Two-sided sign-flip p, by enumeration up to 20 pairs and by random flips beyond; null without a pair. */
  readonly p: number | null;
  /** Holm's correction over the pairs of curves; null where the measure is not the slice's primary one. */
  readonly adjusted: number | null;
  /** Given on the primary measure alone; null on the others, which describe. */
  readonly verdict: 'lower' | 'higher' | 'undecided' | null;
  readonly why: string;
}

/** Variant minus twin on one measure, over the trade-offs that both answer. */
export interface AblationDifference extends Omit<Difference, 'a' | 'b'> {
  /** Of each seed that both have. */
  readonly seeds: readonly { readonly seed: string; readonly difference: number }[];
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
  /** 95% by the standard errors over prompts of both, taken as independent; null where one is not known. */
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
  readonly slices: readonly Slice[];
  readonly warnings: readonly string[];
  readonly samples: readonly SampleGroup[];
}
