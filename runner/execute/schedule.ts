/**
 * The scheduler: pure bookkeeping. It is told what happened and says what to do next; time is a number that
 * comes in, and no process, disk or clock is touched here, so that tests drive it by hand.
 *
 * A cell's life: waiting (for parents) -> ready -> resolving (its key) -> runnable -> running -> settled, with
 * the side tracks twin (another cell with its key runs), parked (another runner holds the lease) and backoff.
 */
import type { Failure } from '../../schemas/protocol.js';
import { unreachable } from '../../schemas/result.js';
import type { CellId, Key } from '../pipeline.js';
import type { SkipReason } from '../track/events.js';
import { retriesFor, timeoutFailure, unaskedStop } from './failures.js';
import { keyOf, newEntry, skippable, type Entries, type Entry, type State } from './entry.js';
import { childrenOf, comparePlaces, parentsFirst, places } from './priority.js';
import { PriorityQueue } from './queue.js';
import { Budget, unfittingFailure, type Capacity } from './resources.js';
import type {
  Action,
  Outcome,
  Policy,
  Resolution,
  Settlement,
  StopManner,
  StopReason,
  Task,
} from './actions.js';

type StoppedBy = Extract<SkipReason, { kind: 'stopped' }>['by'];

export class Schedule {
  readonly #entries: ReadonlyMap<CellId, Entry>;
  readonly #children: ReadonlyMap<CellId, readonly Task[]>;
  readonly #ready: Entries = new Set();
  readonly #runnable = new PriorityQueue<Entry>((a, b) => comparePlaces(a.place, b.place));
  readonly #running: Entries = new Set();
  /** Parked or in back-off. */
  readonly #sleeping: Entries = new Set();
  /** The cell that runs for a key, and the cells that wait for its result. */
  readonly #owners = new Map<Key, { readonly cell: CellId; readonly twins: Entry[] }>();
  /** Cells whose keys are being found: for a moment nothing starts that they would come before. */
  readonly #awaited: Entries = new Set();
  readonly #budget: Budget;
  readonly #policy: Policy;
  readonly #outbox: Action[] = [];
  #unsettled: number;
  #stopping: StoppedBy | undefined;

  constructor(tasks: readonly Task[], capacity: Capacity, policy: Policy) {
    const ordered = parentsFirst(tasks);
    const placeOf = places(ordered);
    this.#entries = new Map(ordered.map((task) => [task.cell, newEntry(task, placeOf(task.cell))]));
    this.#children = childrenOf(ordered);
    this.#budget = new Budget(capacity);
    this.#policy = policy;
    this.#unsettled = tasks.length;
    for (const entry of this.#entries.values()) if (entry.state.kind === 'ready') this.#ready.add(entry);
  }

  get finished(): boolean {
    return this.#unsettled === 0;
  }

  get stopping(): StoppedBy | undefined {
    return this.#stopping;
  }

  /** Everything that is to be done now, in this order. Each action is handed out once. */
  next(now: number): Action[] {
    this.#wake(now);
    this.#overtime(now);
    if (this.#stopping) this.#skipRest(this.#stopping);
    else {
      this.#resolveReady(now);
      if (this.#awaited.size === 0) this.#startRunnable(now);
    }
    return this.#outbox.splice(0);
  }

  /** When `next` has something to do without being told anything: a back-off, a lease or a timeout ends. */
  wakeAt(): number {
    let soonest = Infinity;
    for (const entry of [...this.#sleeping, ...this.#awaited, ...this.#running]) {
      const { state } = entry;
      if ('until' in state) soonest = Math.min(soonest, state.until);
      else if (state.kind === 'running' && !state.stopped) soonest = Math.min(soonest, state.deadline);
    }
    return soonest;
  }

  /** The answer to a `resolve`. */
  resolved(cell: CellId, resolution: Resolution): void {
    const entry = this.#expect(cell, 'resolving');
    this.#awaited.delete(entry);
    // A parent that was done again meanwhile may have ended otherwise.
    if (resolution.kind !== 'failed' && resolution.key !== entry.key) this.#disown(entry);
    switch (resolution.kind) {
      case 'hit':
        this.#settle(entry, { status: 'hit', key: resolution.key });
        return;
      case 'failed':
        this.#fail(entry, resolution.failure);
        return;
      case 'run':
        this.#own(entry, resolution.key);
        return;
      default:
        unreachable(resolution);
    }
  }

  /** The end of a `start`. */
  ended(cell: CellId, outcome: Outcome, now: number): void {
    const entry = this.#expect(cell, 'running');
    this.#free(entry);
    this.#running.delete(entry);
    switch (outcome.kind) {
      case 'done':
        this.#settle(entry, { status: 'ran' });
        return;
      case 'served':
        this.#settle(entry, { status: 'hit' });
        return;
      case 'held':
        // The attempt never began: it isn't counted, and the cell waits without holding anything.
        entry.attempts--;
        this.#sleep(entry, { kind: 'parked', until: now + this.#policy.leasePoll });
        return;
      case 'lost':
        entry.attempts--;
        this.#waitFor(entry, outcome.producers);
        return;
      case 'failed':
        this.#retryOrFail(entry, outcome.failure, now);
        return;
      case 'interrupted':
        this.#afterStop(entry, entry.state.stopped, now);
        return;
      default:
        unreachable(outcome);
    }
  }

  /** Ctrl-C: nothing new starts, running cells are stopped with grace or at once. */
  interrupt(manner: StopManner): void {
    if (this.#stopping !== 'environment') this.#stopping = 'interrupt';
    this.#stopRunning('interrupt', manner);
  }

  /** The disk or the machine is at fault: nothing new starts, what runs may end. */
  halt(): void {
    this.#stopping = 'environment';
  }

  #expect<K extends State['kind']>(cell: CellId, kind: K): Entry & { state: Extract<State, { kind: K }> } {
    const entry = this.#entries.get(cell);
    if (entry?.state.kind !== kind) {
      const found = entry?.state.kind ?? 'unknown';
      throw new Error(`internal error: cell ${cell} is ${found}, not ${kind}; please report it`);
    }
    return entry as Entry & { state: Extract<State, { kind: K }> };
  }

  #wake(now: number): void {
    for (const entry of this.#awaited)
      if ('until' in entry.state && entry.state.until <= now) this.#awaited.delete(entry);
    for (const entry of this.#sleeping) {
      const { state } = entry;
      if ((state.kind !== 'parked' && state.kind !== 'backoff') || state.until > now) continue;
      this.#sleeping.delete(entry);
      // After a back-off too the key is looked up again: another runner may have finished it meanwhile.
      this.#place(entry);
    }
  }

  #overtime(now: number): void {
    for (const entry of this.#running) {
      const { state } = entry;
      if (state.kind !== 'running' || state.stopped || state.deadline > now) continue;
      entry.state = { ...state, stopped: 'timeout' };
      this.#outbox.push({ kind: 'stop', cell: entry.task.cell, reason: 'timeout', manner: 'grace' });
    }
  }

  #resolveReady(now: number): void {
    for (const entry of this.#ready) {
      entry.state = { kind: 'resolving', until: now + this.#policy.keyWait };
      this.#awaited.add(entry);
      this.#outbox.push({ kind: 'resolve', cell: entry.task.cell });
    }
    this.#ready.clear();
  }

  /** Whatever became of the cell, what it held is free again. */
  #free(entry: Entry): void {
    if (entry.grant) this.#budget.give(entry.grant);
    delete entry.grant;
  }

  /** Takes what a cell needs, if all of it is free. */
  #grant(entry: Entry): boolean {
    const grant = this.#budget.take(entry.task.demand);
    if (grant) entry.grant = grant;
    return grant !== undefined;
  }

  /** First in place first; what doesn't fit is passed over, so that a large cell never idles the machine. */
  #startRunnable(now: number): void {
    for (const entry of this.#runnable.takeWhere((entry) => this.#grant(entry))) {
      const { cell, timeout } = entry.task;
      entry.attempts++;
      entry.state = { kind: 'running', deadline: timeout === undefined ? Infinity : now + timeout * 1000 };
      this.#running.add(entry);
      const gpus = entry.grant?.gpus ?? [];
      this.#outbox.push({ kind: 'start', cell, key: keyOf(entry), attempt: entry.attempts, gpus });
    }
    if (this.#running.size === 0 && this.#sleeping.size === 0) this.#failRunnable();
  }

  /** What doesn't fit into all there is, and was not known to run when the run began: a result that was lost. */
  #failRunnable(): void {
    for (const entry of this.#runnable.takeWhere(() => true))
      this.#fail(entry, unfittingFailure(entry.task.demand, this.#budget.free));
  }

  /** The first cell with a key runs for all of them. */
  #own(entry: Entry, key: Key): void {
    const owner = this.#owners.get(key);
    entry.key = key;
    if (owner && owner.cell !== entry.task.cell) {
      entry.state = { kind: 'twin' };
      owner.twins.push(entry);
      return;
    }
    if (!owner) this.#owners.set(key, { cell: entry.task.cell, twins: [] });
    entry.state = { kind: 'runnable' };
    this.#runnable.add(entry);
  }

  #sleep(entry: Entry, state: Extract<State, { until: number }>): void {
    entry.state = state;
    this.#sleeping.add(entry);
  }

  #retryOrFail(entry: Entry, failure: Failure, now: number): void {
    const left = retriesFor(entry.task.retries, failure.class) - (entry.attempts - 1);
    if (left <= 0 || this.#stopping) {
      this.#fail(entry, failure);
      return;
    }
    const backoff = this.#policy.backoff(entry.attempts);
    this.#sleep(entry, { kind: 'backoff', until: now + backoff, failure });
    const { cell } = entry.task;
    this.#outbox.push({ kind: 'retry', cell, attempt: entry.attempts, failure, backoff });
  }

  #afterStop(entry: Entry, stopped: StopReason | undefined, now: number): void {
    switch (stopped) {
      case 'timeout':
        this.#retryOrFail(entry, timeoutFailure(entry.task.timeout), now);
        return;
      case 'failure':
      case 'interrupt':
        this.#settle(entry, { status: 'skipped', reason: { kind: 'stopped', by: stopped } });
        return;
      case undefined:
        this.#retryOrFail(entry, unaskedStop, now);
        return;
      default:
        unreachable(stopped);
    }
  }

  #fail(entry: Entry, failure: Failure): void {
    this.#settle(entry, { status: 'failed', failure });
    if (failure.class === 'environment') this.#stopping = 'environment';
    else if (this.#policy.onFailure !== 'keep-going') this.#stopping ??= 'failure';
    if (this.#policy.onFailure === 'fail-fast') this.#stopRunning('failure', 'grace');
  }

  #settle(entry: Entry, settlement: Settlement): void {
    const { cell } = entry.task;
    const key = settlement.key ?? entry.key;
    entry.state = { kind: 'settled', settlement };
    this.#unsettled--;
    this.#outbox.push({ kind: 'settle', cell, settlement: { ...settlement, ...(key ? { key } : {}) } });
    const owned = entry.key === undefined ? undefined : this.#owners.get(entry.key);
    if (entry.key !== undefined && owned?.cell === cell) {
      this.#owners.delete(entry.key);
      for (const twin of owned.twins) this.#settleTwin(twin, settlement);
    }
    this.#tellChildren(cell, settlement);
  }

  /**
   * A twin shares the fate of the cell that ran: it is served its result, or would fail the same way. What a parent of
   * the other kept from running is for its own parents to say.
   */
  #settleTwin(twin: Entry, settlement: Settlement): void {
    if (twin.state.kind !== 'twin') return;
    if (settlement.reason?.kind === 'parent') {
      this.#place(twin);
      return;
    }
    this.#settle(twin, settlement.status === 'ran' ? { status: 'hit' } : settlement);
  }

  #tellChildren(cell: CellId, settlement: Settlement): void {
    const reason = reasonBelow(cell, settlement);
    for (const child of this.#children.get(cell) ?? []) {
      const entry = this.#entries.get(child.cell);
      if (entry?.state.kind !== 'waiting') continue;
      if (reason) this.#settle(entry, { status: 'skipped', reason });
      else this.#await(entry, entry.state.missing - 1);
    }
  }

  #await(entry: Entry, missing: number): void {
    entry.state = missing === 0 ? { kind: 'ready' } : { kind: 'waiting', missing };
    if (missing === 0) this.#ready.add(entry);
    else this.#ready.delete(entry);
  }

  /** Where a cell goes from that neither runs nor is settled: what its parents are now says, since any may be open again. */
  #place(entry: Entry): void {
    let missing = 0;
    for (const parent of entry.task.needs) {
      const state = this.#entries.get(parent)?.state;
      if (state?.kind !== 'settled') missing++;
      const reason = state?.kind === 'settled' ? reasonBelow(parent, state.settlement) : undefined;
      if (!reason) continue;
      this.#settle(entry, { status: 'skipped', reason });
      return;
    }
    this.#await(entry, missing);
  }

  /** Opens what made the lost inputs, where it isn't open already, and waits for it; without any, tries at once. */
  #waitFor(entry: Entry, producers: readonly CellId[]): void {
    for (const producer of producers.flatMap((id) => this.#entries.get(id) ?? []))
      if (producer.state.kind === 'settled') this.#reopen(producer, entry.task.cell);
    this.#disown(entry);
    this.#place(entry);
  }

  #reopen(producer: Entry, reader: CellId): void {
    const { cell } = producer.task;
    this.#outbox.push({ kind: 'reopen', cell, reader });
    producer.attempts = 0;
    this.#unsettled++;
    // Cells that have not begun had counted this one as done.
    for (const child of this.#children.get(cell) ?? []) {
      const entry = this.#entries.get(child.cell);
      if (entry?.state.kind === 'waiting') this.#await(entry, entry.state.missing + 1);
      else if (entry?.state.kind === 'ready') this.#await(entry, 1);
    }
    this.#place(producer);
  }

  /** Gives a key up, since it may be another one the next time; whoever waited for it looks for itself. */
  #disown(entry: Entry): void {
    const { key } = entry;
    delete entry.key;
    const owned = key === undefined ? undefined : this.#owners.get(key);
    if (key === undefined || owned?.cell !== entry.task.cell) return;
    this.#owners.delete(key);
    for (const twin of owned.twins) if (twin.state.kind === 'twin') this.#place(twin);
  }

  #stopRunning(reason: StopReason, manner: StopManner): void {
    for (const entry of this.#running) {
      if (entry.state.kind !== 'running') continue;
      if (entry.state.stopped && manner === 'grace') continue;
      entry.state = { ...entry.state, stopped: entry.state.stopped ?? reason };
      this.#outbox.push({ kind: 'stop', cell: entry.task.cell, reason, manner });
    }
  }

  /** Leaves alone what runs or is being resolved; what waits to be tried again has failed. */
  #skipRest(by: StoppedBy): void {
    this.#ready.clear();
    this.#sleeping.clear();
    this.#runnable.takeWhere(() => true);
    for (const entry of this.#entries.values()) {
      const { state } = entry;
      if (state.kind === 'backoff') this.#fail(entry, state.failure);
      else if (skippable.has(state.kind)) {
        this.#settle(entry, { status: 'skipped', reason: { kind: 'stopped', by } });
      }
    }
  }
}

/** Why what is below a cell that ended so is skipped: for the same reason all the way down. */
function reasonBelow(cell: CellId, { status, reason }: Settlement): SkipReason | undefined {
  return status === 'failed' || status === 'skipped' ? (reason ?? { kind: 'parent', cell }) : undefined;
}
