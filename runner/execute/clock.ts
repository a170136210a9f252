/** Time as the runner takes it: a parameter, so that tests hold it in their hands. */
export interface Clock {
  /** Milliseconds that never go back. */
  monotonic(): number;
  /** Milliseconds since 1970. */
  wall(): number;
  /** Calls back after some milliseconds unless it is cancelled by the returned function. */
  after(milliseconds: number, callback: () => void): () => void;
}

const longest = 2 ** 31 - 1;

export const systemClock: Clock = {
  monotonic: () => performance.now(),
  wall: () => Date.now(),
  after: (milliseconds, callback) => {
    const timer = setTimeout(callback, Math.min(longest, Math.max(0, Math.ceil(milliseconds))));
    return () => clearTimeout(timer);
  },
};
