import { err, ok, type Result } from '../../../schemas/result.js';
import type { MlflowProblem } from '../mlflow/index.js';

/** The client lets no more through. */
const width = 4;

/** Works on the items, a few at once and in their order, until one fails. */
export async function atOnce<T>(
  items: readonly T[],
  work: (item: T) => Promise<Result<unknown, MlflowProblem>>,
): Promise<Result<void, MlflowProblem>> {
  const waiting = [...items];
  let failed: MlflowProblem | undefined;
  const hand = async (): Promise<void> => {
    while (waiting.length > 0 && !failed) {
      const done = await work(waiting.shift() as T);
      if (!done.ok) failed ??= done.error;
    }
  };
  await Promise.all(Array.from({ length: width }, hand));
  return failed ? err(failed) : ok(undefined);
}
