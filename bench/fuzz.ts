/**
 * Milliseconds (of processor time) that the checker takes for a mutated file: `node dist/bench/fuzz.js [count] [seed]`.
 * Prints the median, the 99th percentile and the slowest, and appends a line to bench/history.jsonl. The goal is that
 * none takes more than 2 s; ratios to the median hold across machines, milliseconds do not.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { corpus } from '../scripts/fuzz/corpus.js';
import { judge } from '../scripts/fuzz/judge.js';
import { mutant } from '../scripts/fuzz/mutate.js';
import { asked } from './options.js';

const { numbers } = asked({ usage: 'node dist/bench/fuzz.js [count] [seed]', most: 2 });
const [count = 2000, seed = 1] = numbers;
const times = Array.from({ length: count }, (_, index) => {
  const text = mutant(corpus, seed, index);
  const start = process.cpuUsage();
  judge(text);
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}).sort((a, b) => a - b);
const quantile = (share: number): number =>
  Number((times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? NaN).toFixed(1));
const figures = { median: quantile(0.5), ninetyNine: quantile(0.99), slowest: quantile(1) };
console.log(`ms a file, ${count} mutants of seed ${seed}, Node ${process.versions.node}`);
console.table(figures);
const line = {
  v: 1,
  time: new Date().toISOString(),
  bench: 'fuzz',
  node: process.versions.node,
  count,
  seed,
  ...figures,
};
appendFileSync(join(import.meta.dirname, '../../bench/history.jsonl'), `${JSON.stringify(line)}\n`);
