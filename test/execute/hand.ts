/** A schedule in the hands of a test: no clock, no process; time is a number that the test turns. */
import type { Action, Outcome, Policy, Task } from '../../runner/execute/actions.js';
import type { Capacity, Demand } from '../../runner/execute/resources.js';
import { Schedule } from '../../runner/execute/schedule.js';
import type { CellId, Key } from '../../runner/pipeline.js';
import type { Failure, FailureClass } from '../../schemas/protocol.js';

export const id = (name: string): CellId => name as CellId;
export const key = (name: string): Key => name as Key;

type TaskOptions = Partial<Omit<Task, 'cell' | 'needs'>> & Partial<Demand>;

export function task(name: string, needs: readonly string[] = [], options: TaskOptions = {}): Task {
  const { cpu = 1, memory = 0, gpu = 0, tokens = {}, ...rest } = options;
  return {
    cell: id(name),
    needs: needs.map(id),
    demand: { cpu, memory, gpu, tokens },
    seconds: 1,
    retries: {},
    ...rest,
  };
}

export const failure = (failureClass: FailureClass, message = 'broken'): Failure => ({
  class: failureClass,
  code: 'test',
  message,
});

/** A schedule with a clock of its own and actions that read as text. */
export class Hand {
  readonly schedule: Schedule;
  /** Why cells have failed, as `settleKeys` saw it. */
  readonly failures: Failure[] = [];
  now = 0;

  constructor(tasks: readonly Task[], options: Partial<Capacity> & Partial<Policy> = {}) {
    const { cpu = 2, memory = 100, gpus = [], tokens = {}, ...policy } = options;
    this.schedule = new Schedule(
      tasks,
      { cpu, memory, gpus, tokens },
      { onFailure: 'keep-going', backoff: (attempt) => attempt * 10, leasePoll: 5, keyWait: 3, ...policy },
    );
  }

  /** All that is to be done, without answering anything. */
  next(): string[] {
    return this.schedule.next(this.now).map(told);
  }

  /** Answers every `resolve` with `run` under the cell's own name, until nothing is left to resolve. */
  settleKeys(keys: Readonly<Record<string, string>> = {}): string[] {
    const seen: string[] = [];
    for (;;) {
      const actions = this.schedule.next(this.now);
      if (actions.length === 0) return seen;
      for (const action of actions) {
        if (action.kind === 'resolve') {
          this.schedule.resolved(action.cell, { kind: 'run', key: key(keys[action.cell] ?? action.cell) });
        } else seen.push(told(action));
        if (action.kind === 'settle' && action.settlement.failure)
          this.failures.push(action.settlement.failure);
      }
    }
  }

  done(name: string): void {
    this.end(name, { kind: 'done' });
  }

  fail(name: string, reason: Failure): void {
    this.end(name, { kind: 'failed', failure: reason });
  }

  end(name: string, outcome: Outcome): void {
    this.schedule.ended(id(name), outcome, this.now);
  }
}

/** An action as a line of text; graphics cards follow the cell that holds them. */
export function told(action: Action): string {
  switch (action.kind) {
    case 'resolve':
      return `resolve ${action.cell}`;
    case 'start':
      return `start ${action.cell}#${action.attempt}${action.gpus.length === 0 ? '' : ` on ${action.gpus.join(',')}`}`;
    case 'stop':
      return `stop ${action.cell} (${action.reason}, ${action.manner})`;
    case 'retry':
      return `retry ${action.cell} in ${action.backoff}`;
    case 'reopen':
      return `reopen ${action.cell} for ${action.reader}`;
    case 'settle': {
      const { status, reason, failure } = action.settlement;
      const why = reason ? (reason.kind === 'parent' ? ` below ${reason.cell}` : ` by ${reason.by}`) : '';
      return `${status} ${action.cell}${why}${failure ? `: ${failure.class}` : ''}`;
    }
  }
}
