/**
 * What a set of points is worth to users with linear preferences w, each free to take the point that suits
 * best. Source: Zintgraf et al., "Quality Assessment of MORL Algorithms: A Utility-Based Approach", 2015.
 */
import { mean } from 'simple-statistics';
import { at, type Point } from './dominance.js';

/** EUM: mean over preferences of the best w.r in the set. */
export function expectedUtility(points: readonly Point[], preferences: readonly Point[]): number {
  return mean(preferences.map((w) => best(points, w)));
}

/** MUL: the most that any preference loses against a known front. */
export function maximumUtilityLoss(
  points: readonly Point[],
  front: readonly Point[],
  preferences: readonly Point[],
): number {
  return Math.max(...preferences.map((w) => best(front, w) - best(points, w)));
}

/** Mean of w.r(w): the utility of the point that was asked for, point i for preference i. */
export function askedUtility(points: readonly Point[], preferences: readonly Point[]): number {
  return mean(preferences.map((w, i) => dot(w, points[i] ?? [])));
}

/** Mis-steering: what is lost, on average, by taking the point asked for instead of the best of the set. */
export function missteering(points: readonly Point[], preferences: readonly Point[]): number {
  return expectedUtility(points, preferences) - askedUtility(points, preferences);
}

function best(points: readonly Point[], w: Point): number {
  return Math.max(...points.map((point) => dot(w, point)));
}

function dot(w: Point, point: Point): number {
  return w.reduce((total, weight, k) => (weight === 0 ? total : total + weight * at(point, k)), 0);
}
