import { readFileSync } from 'node:fs';
import { artifactFile, type FinishedCell } from '../../runner/contract.js';

/** A JSON file of an output, which was checked when the output was made. */
export function readOutput({ outputs }: FinishedCell, output: string, file: string): unknown {
  const artifact = outputs[output];
  if (!artifact) throw new Error(`the result has no output ${output}`);
  return JSON.parse(readFileSync(artifactFile(artifact, file), 'utf8'));
}

/** The point of the simplex as params, so that each weight is an axis. */
export const weightParams = (
  objectives: readonly string[],
  weights: readonly number[],
): Readonly<Record<string, number>> =>
  Object.fromEntries(objectives.map((name, k) => [`w.${name}`, round(weights[k] ?? 0)]));

/** Twelve digits: 0.3 for what a grid makes 0.30000000000000004. */
export const round = (value: number): number => Number(value.toPrecision(12));
