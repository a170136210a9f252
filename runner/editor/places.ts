import type { Place } from '../pipeline.js';

/** A point in a text, between two characters; lines and columns from 1. */
export interface Point {
  readonly line: number;
  readonly column: number;
}

/** Whether a point lies in a place or at one of its ends. */
export const covers = (place: Place, { line, column }: Point): boolean =>
  (line > place.line || (line === place.line && column >= place.column)) &&
  (line < place.endLine || (line === place.endLine && column <= place.endColumn));
