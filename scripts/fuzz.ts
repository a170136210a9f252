/**
 * Feeds the checker mutated pipeline files: `npm run test:fuzz -- --count 10000 --seed 1`. Exit code 1 where one
 * threw, hung, took too much memory, or was answered with a place or an edit outside the file. Each such text is
 * made small and kept in test/fuzz/kept, which a test replays.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runCampaign } from './fuzz/campaign.js';
import { corpus, keptFolder } from './fuzz/corpus.js';
import { judge, minimise } from './fuzz/judge.js';
import { mutant } from './fuzz/mutate.js';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    processes: { type: 'string', default: '2' },
    keep: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
const { failures, milliseconds, peakBytes } = await runCampaign(
  seed,
  Number(values.count),
  Number(values.processes),
);
const sorted = [...milliseconds].sort((a, b) => a - b);
const quantile = (share: number): string =>
  (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(1);
console.log(
  `${milliseconds.length} files of seed ${seed}: median ${quantile(0.5)} ms, 99% ${quantile(0.99)} ms, ` +
    `slowest ${quantile(1)} ms, at most ${Math.round(peakBytes / 2 ** 20)} MiB; ${failures.length} failures`,
);
for (const { index, problem } of failures) {
  console.log(`seed ${seed}, file ${index}: ${problem.split('\n').slice(0, 6).join('\n  ')}`);
  if (values.keep) keep(mutant(corpus, seed, index), `seed-${seed}-${index}.yaml`);
}
process.exitCode = failures.length > 0 ? 1 : 0;

function keep(text: string, name: string): void {
  const first = judge(text)
    ?.split('\n')[0]
    ?.replace(/ in \{.*/, '');
  const small =
    first === undefined ? text : minimise(text, (less) => judge(less)?.startsWith(first) === true);
  mkdirSync(keptFolder, { recursive: true });
  writeFileSync(join(keptFolder, name), small);
}
