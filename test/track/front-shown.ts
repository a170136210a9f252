/** What a front with two points may show. */
import type { Shown } from '../../runner/contract.js';

export const frontShown: Shown = {
  params: { alpha: 0.05, 'w.nli': 1 },
  figures: { 'front/span': 0.75 },
  tables: [{ name: 'front', columns: ['w.nli', 'nli'], rows: [[0.3, 0.5]] }],
  points: [0.3, 1].map((w) => ({
    name: `${w}`,
    params: { alpha: 0.05, 'w.nli': w },
    figures: { 'eval/rewards/nli/mean': w / 2, 'eval/rewards/rouge/mean': 1 - w },
  })),
  compared: ['eval/rewards/nli/mean', 'eval/rewards/rouge/mean'],
  curves: ['rewards/nli/mean'],
  verdict: 'clp is best',
  story: '| method | regret |\n| --- | --- |\n| clp | 0.1 |',
};
