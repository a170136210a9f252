/** Judges mutants in a process of its own, which its parent may kill. */
import { corpus } from './corpus.js';
import { judge } from './judge.js';
import { mutant } from './mutate.js';

/** What the parent asks for. */
export interface Work {
  readonly seed: number;
  /** Indices of mutants. */
  readonly from: number;
  readonly to: number;
  /** Every so many. */
  readonly step: number;
}

/** What the child tells: that it begins with a mutant, and what came of it. */
export type Told =
  | { readonly begun: number }
  | { readonly done: number; readonly milliseconds: number; readonly problem?: string }
  | { readonly finished: true; readonly peakBytes: number };

const tell = (told: Told): Promise<void> =>
  new Promise((resolve) => {
    process.send?.(told, () => {
      resolve();
    });
  });

process.once('message', (work) => void judgeAll(work as Work));

async function judgeAll({ seed, from, to, step }: Work): Promise<void> {
  for (let index = from; index < to; index += step) {
    await tell({ begun: index });
    const text = mutant(corpus, seed, index);
    const start = performance.now();
    const problem = judge(text);
    const milliseconds = performance.now() - start;
    await tell({ done: index, milliseconds, ...(problem === undefined ? {} : { problem }) });
  }
  await tell({ finished: true, peakBytes: process.resourceUsage().maxRSS * 1024 });
  process.disconnect();
}
