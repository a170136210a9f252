/** Why a cell is no hit, as far as it is known: each cause told apart from the others. */
import type { Cell, CellId, Key } from '../pipeline.js';
import type { Chosen, RunTry, Store } from '../store/index.js';
import { compare, describeChange } from './compare.js';
import { preimageIn, type History } from './history.js';
import type { Change, CodeDigest, Mention, Preimage, Reason, ReasonCode } from './types.js';

interface Context {
  readonly history: History;
  readonly store: Store;
}

interface Draft {
  readonly cell: Cell;
  readonly preimage: Preimage;
  readonly code: CodeDigest;
}

/** What is known of the key: what the store answered, or the parents that must run before it can be computed. */
type Asked =
  | { readonly key: Key; readonly chosen: Exclude<Chosen, { kind: 'chosen' }> }
  | { readonly waitsFor: readonly CellId[] };

const reason = (code: ReasonCode, message: string, changes: readonly Change[] = []): Reason => ({
  code,
  message,
  changes,
});

/** Whether an earlier run of the pipeline knew the cell, also where it came to nothing. */
export function ranBefore(history: History, cell: CellId): boolean {
  return newest(history, cell) !== undefined;
}

function newest(history: History, cell: CellId): Mention | undefined {
  for (const mention of history.mentions(cell)) return mention;
  return undefined;
}

/** Of a cell that is a hit or not, depending on what its parents come to. */
export function waitReason(history: History, cell: CellId, parents: readonly CellId[]): Reason {
  const subject = `${names(parents)} ${parents.length === 1 ? 'is' : 'are'}`;
  return ranBefore(history, cell)
    ? reason('upstream', `hit if ${subject} unchanged`)
    : reason('first', `it never ran; a hit only if ${subject} what another result was made from`);
}

/** Of a cell that runs: the store's own trouble first, then the last try, then what differs from the last result. */
export function missReason(context: Context, draft: Draft, asked: Asked): Reason {
  return (
    damaged(asked) ??
    sameTry(context, draft, asked) ??
    evicted(context, draft, asked) ??
    changed(context, draft) ??
    otherTry(context, draft) ??
    unknownChange(context, draft, asked) ??
    upstream(context, draft, asked) ??
    reason('first', 'it never ran')
  );
}

function damaged(asked: Asked): Reason | undefined {
  if (!('chosen' in asked) || asked.chosen.kind !== 'incomplete') return undefined;
  return reason('incomplete', `its result is damaged: ${asked.chosen.missing} is missing or corrupt`);
}

function sameTry({ history }: Context, { cell }: Draft, asked: Asked): Reason | undefined {
  const last = newest(history, cell.id);
  if (!last?.try || !('key' in asked) || last.try.key !== asked.key) return undefined;
  return tryReason(last.try, last.run.run);
}

/** A try under other conditions explains only a cell that never came to a result. */
function otherTry({ history }: Context, { cell }: Draft): Reason | undefined {
  const last = newest(history, cell.id);
  return last?.try && !last.bound ? tryReason(last.try, last.run.run) : undefined;
}

function tryReason({ how, failure }: RunTry, run: string): Reason {
  switch (how) {
    case 'failed': {
      const what = failure ? ` (${failure.class}, ${failure.code}): ${failure.message}` : '';
      return reason('failed', `it failed in run ${run}${what}`);
    }
    case 'tainted':
      return reason(
        'tainted',
        `its result of run ${run} was not kept: its code, or what it reads in place, changed while it ran`,
      );
    case 'uncacheable':
      return reason('uncacheable', `its result of run ${run} was not kept: it could not be hashed then`);
    case 'stopped':
      return reason('stopped', `it was stopped in run ${run} before it finished`);
    case 'started':
      return reason('stopped', `it was begun in run ${run}, which has not finished it`);
  }
}

function evicted({ history }: Context, { cell }: Draft, asked: Asked): Reason | undefined {
  const run = 'key' in asked ? history.bound(cell.id, asked.key) : undefined;
  return (
    run && reason('evicted', `nothing changed, but its result of run ${run.run} is no longer in the store`)
  );
}

function changed({ history, store }: Context, { cell, preimage, code }: Draft): Reason | undefined {
  const past = history.last(cell.id);
  if (!past) return undefined;
  const changes = compare(preimageIn(past.record), preimage, { cell, store, code: code.listing });
  return changes.length === 0
    ? undefined
    : reason('changed', changes.map(describeChange).join('; '), changes);
}

/** The key differs, and the record that would tell in what is gone. */
function unknownChange({ history }: Context, { cell }: Draft, asked: Asked): Reason | undefined {
  const last = newest(history, cell.id);
  if (!last?.bound || !('key' in asked)) return undefined;
  const message = `something changed since run ${last.run.run}; what it was, only the record of that run could tell, and it is no longer in the store`;
  return reason('changed', message);
}

function upstream({ history }: Context, { cell }: Draft, asked: Asked): Reason | undefined {
  if (!('waitsFor' in asked) || !ranBefore(history, cell.id)) return undefined;
  const { waitsFor } = asked;
  return reason('upstream', `${names(waitsFor)} ${waitsFor.length === 1 ? 'runs' : 'run'} first`);
}

const names = (ids: readonly CellId[]): string =>
  ids.slice(0, 3).join(', ') + (ids.length > 3 ? ` and ${ids.length - 3} more` : '');
