/** Every kind of fault, and at how many seeds it strikes: 300 in all, or as many as MOFT_FAULTS says. */
import { it } from 'vitest';

export const seeds = {
  'kill-runner': 60,
  'kill-worker': 30,
  stopped: 10,
  'disk-full': 40,
  'read-only': 20,
  clock: 40,
  'damaged-blob': 35,
  'damaged-in-run': 20,
  'damaged-record': 30,
  'damaged-rest': 15,
  copied: 20,
} as const;
export type FaultKind = keyof typeof seeds;

export const inAll = Object.values(seeds).reduce((a, b) => a + b, 0);
const wanted = Number(process.env.MOFT_FAULTS ?? inAll);

/** MOFT_FAULT=kill-runner:17 repeats one fault. */
const [onlyKind, onlySeed] = (process.env.MOFT_FAULT ?? '').split(':');

export const countOf = (kind: FaultKind): number => Math.ceil((seeds[kind] * wanted) / inAll);

export interface Fault {
  readonly seed: number;
  /** Where between the first and the last moment it strikes, in [0, 1): the seeds of a kind are spread evenly. */
  readonly point: number;
}

/** Milliseconds a fault, on a busy machine too. */
const most = 60_000;

/** A run that hangs ends its own fault, not the whole suite's time. */
async function inTime(fault: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`hangs: not over after ${most / 1000} s`)), most);
  });
  await Promise.race([fault, late]).finally(() => clearTimeout(timer));
}

/** One test for a kind: strikes at each of its seeds, and says how to repeat the one that found something. */
export function strike(kind: FaultKind, fault: (fault: Fault) => Promise<void>, skipped?: string): void {
  const count = countOf(kind);
  it.skipIf(onlyKind !== '' && onlyKind !== kind)(
    `${kind}, ${count} times`,
    { timeout: count * most },
    async (context) => {
      if (skipped !== undefined) {
        console.warn(`SKIPPED: ${kind}: ${skipped}`);
        context.skip();
      }
      const began = performance.now();
      let struck = 0;
      for (let seed = 1; seed <= count; seed += 1) {
        if (onlySeed !== undefined && Number(onlySeed) !== seed) continue;
        try {
          await inTime(fault({ seed, point: (seed - 0.5) / count }));
        } catch (error) {
          const again = `MOFT_FAULT=${kind}:${seed} MOFT_FAULTS=${wanted} npm run test:faults`;
          throw new Error(`${kind}, seed ${seed}; to repeat it: ${again}`, { cause: error });
        }
        struck += 1;
      }
      console.log(
        `faults: ${struck} of ${kind}, of ${inAll === wanted ? '' : 'about '}${wanted} in all, in ${Math.round((performance.now() - began) / 1000)} s`,
      );
    },
  );
}
