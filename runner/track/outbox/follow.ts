/** Sends until all is there, or until there is no use in trying on. */
import { pause } from '../mlflow/retry.js';
import { experimentPage, runPage, wordsOf, type MlflowProblem } from '../mlflow/index.js';
import { toProblem } from '../../store/index.js';
import { viewKeys, viewPage } from '../shape/index.js';
import type { Sender, Turn } from './sender.js';
import type { Status } from './sent.js';

export interface FollowOptions {
  readonly sender: Sender;
  readonly address: string;
  /** Stays until the run ends; otherwise what was said so far is sent. */
  readonly follow: boolean;
  /** Milliseconds for which a server that is away is tried after the run has ended. */
  readonly drain: number;
  /** Told how it stands whenever that changes. */
  readonly onStatus: (status: Status) => void;
  readonly signal?: AbortSignal;
}

/** Between two looks at a journal. */
const poll = 500;
const longestWait = 15_000;

/** @returns how it stands at the end */
export async function followRun(options: FollowOptions): Promise<Status> {
  const { sender, follow, drain, signal } = options;
  let away = 0;
  let since: number | undefined;
  for (;;) {
    const turn = await sender.turn();
    const isOver = sender.picture?.end !== undefined || !follow;
    if (turn.kind === 'complete' || (turn.kind === 'current' && !follow)) return tell(options, turn, 'done');
    if (turn.kind === 'current') {
      away = 0;
      since = undefined;
      tell(options, turn, 'sending');
      await pause(poll, signal);
      continue;
    }
    if (isOver) since ??= performance.now();
    const isLate = since !== undefined && performance.now() - since >= drain;
    if (isHopeless(turn.problem) || isLate || signal?.aborted === true) return tell(options, turn, 'stopped');
    tell(options, turn, 'waiting');
    away += 1;
    await pause(Math.min(longestWait, poll * 2 ** away), signal);
  }
}

const isHopeless = ({ passing }: MlflowProblem): boolean => !passing;

function tell({ sender, address, onStatus }: FollowOptions, turn: Turn, state: Status['state']): Status {
  const { run } = sender.sent;
  const refused = [...sender.sent.refusedCells].map(([cell, why]) => `${cell}: ${why}`);
  const status: Status = {
    state,
    address,
    ...(run ? { page: runPage(address, run.experiment, run.id) } : {}),
    ...(run && sender.hasViews
      ? { view: viewPage(experimentPage(address, run.experiment), viewKeys.all) }
      : {}),
    owed: sender.owed,
    ...(turn.kind === 'blocked' ? { problem: wordsOf(turn.problem) } : {}),
    ...(refused.length > 0 ? { refused } : {}),
  };
  try {
    onStatus(status);
  } catch (error) {
    toProblem(error); // throws what is no fault of the disk; on a full one, sending goes on
  }
  return status;
}
