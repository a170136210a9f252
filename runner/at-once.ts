export interface AtOnceOptions<R> {
  /** How many may be under way. */
  readonly width: number;
  /** Whether a result is a failure; what throws always is one. */
  readonly failed?: (result: R) => boolean;
}

/**
 * Does something with each item, a few at a time and begun in their order. After a failure nothing new begins, and it is
 * told when nothing is under way any more.
 *
 * @returns the results as they came
 */
export async function atOnce<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
  { width, failed = () => false }: AtOnceOptions<R>,
): Promise<R[]> {
  const results: R[] = [];
  const todo = items.values();
  let over = false;
  const lane = async (): Promise<void> => {
    for (let next = todo.next(); !over && !next.done; next = todo.next()) {
      const result = await work(next.value);
      results.push(result);
      over ||= failed(result);
    }
  };
  const lanes = Array.from({ length: width }, () =>
    lane().catch((error: unknown) => {
      over = true;
      throw error;
    }),
  );
  const thrown = (await Promise.allSettled(lanes)).find(({ status }) => status === 'rejected');
  if (thrown?.status === 'rejected') throw thrown.reason;
  return results;
}
