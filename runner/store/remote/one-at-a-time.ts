/**
 * Calls of a disk that may never answer, one at a time: such a call keeps its thread, and Node has four for all that is
 * done with files.
 */

/** A fault of another disk: it names no call of the system's, by which the store knows the faults of its own. */
export class FaultElsewhere extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.name = 'FaultElsewhere';
    this.code = code;
  }
}

export type Ask = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * How to ask a disk. A call without an answer is given up after `timeout` milliseconds, and every other one at once from
 * then on, until that answer comes: with FaultElsewhere, code ETIMEDOUT.
 */
export function oneAtATime(name: string, timeout: number): Ask {
  let line: Promise<unknown> = Promise.resolve();
  let isOut = false;
  const late = (): FaultElsewhere =>
    new FaultElsewhere('ETIMEDOUT', `the shared cache ${name} did not answer in time`);
  const inTime = <T>(work: () => Promise<T>): Promise<T> => {
    if (isOut) throw late();
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        isOut = true;
        reject(late());
      }, timeout);
      const answered = (): void => {
        clearTimeout(timer);
        isOut = false;
      };
      work().finally(answered).then(resolve, reject);
    });
  };
  return (work) => {
    const answer = line.then(() => inTime(work));
    line = answer.catch(() => undefined);
    return answer;
  };
}
