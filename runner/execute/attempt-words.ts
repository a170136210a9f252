/** What is said of an attempt: notes for the reader of a run, and failures that no stage caused. */
import { dirname, relative } from 'node:path';
import type { Failure, ResultRecord } from '../../schemas/protocol.js';
import { err, type Result } from '../../schemas/result.js';
import type { Cell } from '../pipeline.js';
import { unlistedLoads, type CodeDigest } from '../plan/index.js';
import type { RunCell } from '../store/index.js';

export function compareArtifacts(before: ResultRecord, after: ResultRecord): 'same' | 'different' {
  const bytes = ({ artifacts }: ResultRecord): string =>
    artifacts
      .map(({ name, digest }) => `${name} ${digest}`)
      .sort()
      .join('\n');
  return bytes(before) === bytes(after) ? 'same' : 'different';
}

export const forcedNotes: Readonly<Record<NonNullable<RunCell['forced']>, string>> = {
  same: 'run again although a result stood: the same bytes; the result that stood is used',
  different:
    'run again although a result stood: OTHER bytes than the result that stands, which is still used; the new one is kept beside it (`moft show --all`)',
  tainted: 'run again although a result stood, and tainted: the result that stood is used',
};

export function lostFailure(digests: readonly string[]): Failure {
  const message = `inputs were made again and are gone from the store, or corrupt, again (${digests.join(' ')}): something else writes to it`;
  return { class: 'environment', code: 'missing-blob', message };
}

export const taintNote = (what: string, changed: readonly string[]): string =>
  `${what} changed while the cell ran (${firstOf(changed)}): its result is used in this run and not kept`;

export const editNote = (edited: readonly string[]): string =>
  `edited after it was copied (${firstOf(edited)}): the result is of what it held before; run again for the new content`;

/** @param groups process groups of commands of a dead runner */
export const orphansNote = (groups: readonly number[]): string =>
  `commands of a runner that died may still run and could not be ended, or not surely told from others (process ${groups.length === 1 ? 'group' : 'groups'} ${groups.join(', ')}): look at them with \`ps\`, and end what is left of it`;

function firstOf([first = '', ...rest]: readonly string[]): string {
  return rest.length === 0 ? first : `${first} and ${rest.length} more`;
}

export const silentFailure = (limit = 0): Failure => ({
  class: 'resource',
  code: 'silent',
  message: `stopped after ${limit} s without a word; raise \`timeout.silent\`, or let the stage say how far it is`,
});

export const unexplained: Failure = {
  class: 'internal',
  code: 'unexplained',
  message: 'the stage failed and its exit.json does not say why; please report it',
};

/** A kind knows a file of the user's by the input that it stands at, and the user by its path. */
export function withPaths(failure: Failure, { inputs, place }: Pick<Cell, 'inputs' | 'place'>): Failure {
  const named = Object.entries(inputs).flatMap(([name, binding]): readonly [string, string][] => {
    if (binding.kind !== 'path' || binding.type !== 'file') return [];
    const written = relative(dirname(place.file), binding.path);
    return [[name, written.startsWith('..') ? binding.path : written]];
  });
  const message = named.reduce(
    (text, [name, path]) =>
      text.replace(
        new RegExp(`(^|, which |of )${name}(?=:\\d+\\b|, row \\d+\\b|: expected |( like th(is|ese)))`, 'gm'),
        (_, before: string) => `${before}${path}`,
      ),
    failure.message,
  );
  return { ...failure, message };
}

export const unlistedCode = 'unlisted-code';

/** A failure where a cell loaded code that its key doesn't count: a change of it would be served from the cache. */
export function unlisted(
  { cell, code }: { readonly cell: Pick<Cell, 'kind'>; readonly code: CodeDigest },
  loaded: readonly string[] = [],
): Result<never, Failure> | undefined {
  const names = unlistedLoads(code.listing, loaded);
  if (names.length === 0) return undefined;
  const message = `the kind ${cell.kind} loaded ${names.join(', ')}, which its key does not count, so that a change there would be missed; its \`modules\` must name it`;
  return err({ class: 'internal', code: unlistedCode, message });
}
