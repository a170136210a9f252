import { ok, type Result } from '../../../schemas/result.js';
import { atOnce } from '../../at-once.js';
import type { MlflowProblem } from '../mlflow/index.js';

/** The client lets no more through. */
const width = 4;

/** Sends the items, a few at once and in their order, until one fails. */
export async function sendEach<T>(
  items: readonly T[],
  send: (item: T) => Promise<Result<unknown, MlflowProblem>>,
): Promise<Result<void, MlflowProblem>> {
  const sent = await atOnce(items, send, { width, failed: ({ ok }) => !ok });
  return sent.find((one) => !one.ok) ?? ok(undefined);
}
