/** Where a name is given and used, and what it takes to change it everywhere. */
import type { Result } from '../../schemas/result.js';
import { err, ok } from '../../schemas/result.js';
import type { NameUse } from '../language/names.js';
import type { Outline } from '../language/outline.js';
import { plainName, stageName } from '../language/reference.js';
import type { Place } from '../pipeline.js';
import { covers, type Point } from './places.js';

/** The name at a point. */
export const nameAt = (outline: Outline, at: Point): NameUse | undefined =>
  outline.names.find(({ place }) => covers(place, at));

/**
 * Where the name at a point is given: a stage, a param, or an axis (that of the stage it is read from, else each axis
 * of the name, since a carried axis comes from further up). An output leads to its stage.
 */
export function definitionsAt(outline: Outline, at: Point): readonly Place[] {
  const name = nameAt(outline, at);
  if (name === undefined) return [];
  const wanted = name.kind === 'output' ? { kind: 'stage', name: name.stage } : name;
  const given = outline.names.filter(
    (one) => one.defines && one.kind === wanted.kind && one.name === wanted.name,
  );
  const own = given.filter((one) => one.stage === name.stage);
  return (name.kind === 'axis' && own.length > 0 ? own : given).map(({ place }) => place);
}

/** Every place of the name at a point. */
export function referencesAt(
  outline: Outline,
  at: Point,
  options: { readonly definitions: boolean },
): readonly Place[] {
  return sameName(outline, nameAt(outline, at))
    .filter(({ defines }) => options.definitions || !defines)
    .map(({ place }) => place);
}

/** Axes of one name are one axis wherever they meet; outputs belong to their stage. */
function sameName(outline: Outline, name: NameUse | undefined): readonly NameUse[] {
  if (name === undefined) return [];
  return outline.names.filter(
    (one) =>
      one.kind === name.kind &&
      one.name === name.name &&
      (name.kind !== 'output' || one.stage === name.stage),
  );
}

/** The name at a point that can be changed: one that the file gives. */
export function renameable(outline: Outline, at: Point): NameUse | undefined {
  const name = nameAt(outline, at);
  const given = sameName(outline, name).some(({ defines }) => defines);
  return given ? name : undefined;
}

/** The places to write a new name at, or why it can't be. */
export function rename(outline: Outline, at: Point, to: string): Result<readonly Place[], string> {
  const name = renameable(outline, at);
  if (name === undefined) return err('only the names of stages, params and axes can be changed');
  const pattern = name.kind === 'stage' ? stageName : plainName;
  if (!pattern.test(to)) return err(`\`${to}\` is no name: names are \`${pattern.source.slice(1, -1)}\``);
  const reserved = {
    stage: ['params', 'matrix'],
    axis: ['seed', 'ablation', 'zip', 'exclude'],
    param: [],
    output: [],
  };
  if ((reserved[name.kind] as readonly string[]).includes(to)) return err(`\`${to}\` is a reserved name`);
  if (outline.names.some((one) => one.kind === name.kind && one.defines && one.name === to))
    return err(`there is a ${name.kind} \`${to}\` already`);
  return ok(sameName(outline, name).map(({ place }) => place));
}
