/** An input edited at any moment of a run: what is served later is what a fresh computation gives. */
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunSummary } from '../../runner/execute/execution.js';
import { Random } from '../../stages/random.js';
import { one, Shop } from './rig.js';

const timings = 100;
const moments = ['before', 'planned', 'started', 'between', 'read', 'ended'] as const;

/** A run, and a walk through its command; a run that ends without its command is not waited for. */
async function inStep(run: Promise<RunSummary>, walk: Promise<void>): Promise<RunSummary> {
  const ended = run.then(async (summary) => {
    if (summary.counts.ran > 0) await walk;
    return summary;
  });
  walk.catch(() => undefined);
  return ended;
}

let shop: Shop;
beforeAll(() => {
  shop = new Shop();
});
afterAll(() => shop.close());

it(
  `makes no wrong hit in ${timings} random timings, copied or read in place`,
  { timeout: 600_000 },
  async () => {
    const random = new Random(11, 'edits');
    const at = shop.fifo('at');
    const go = shop.fifo('go');
    const steps = `echo 1 > ${at.path}; cat ${go.path} > /dev/null`;
    const script = `${steps}\ncat "$MOFT_INPUT_DATA" > o\n${steps}\ncat "$MOFT_INPUT_DATA" >> o\n${steps}\nmv o out.txt`;
    const store = await shop.store();
    let tainted = 0;
    for (let seed = 0; seed < timings; seed += 1) {
      const snapshot = random.integer(2) === 0;
      const moment = moments[random.integer(moments.length)] ?? 'before';
      const file = shop.write('data.txt', `${seed} old\n`);
      const edit = (now: (typeof moments)[number]): void => {
        if (now === moment) writeFileSync(file, `${seed} new\n`);
      };
      const yaml = one(
        script,
        `      snapshot: ${snapshot}\n      inputs: {data: data.txt}\n      outputs: {out: {path: out.txt}}\n`,
      );
      const walk = async (edits: boolean): Promise<void> => {
        for (const now of ['started', 'between', 'read'] as const) {
          await at.taken();
          if (edits) edit(now);
          await go.give();
        }
      };
      edit('before');
      const plan = await shop.plan(yaml);
      edit('planned');
      const summary = await inStep(shop.execution(plan, store).run(), walk(true));
      edit('ended');
      expect(summary.failures).toEqual([]);
      tainted += summary.counts.tainted ?? 0;
      const mid = !['before', 'ended'].includes(moment);
      expect({ seed, moment, snapshot, tainted: summary.counts.tainted ?? 0 }).toEqual({
        seed,
        moment,
        snapshot,
        tainted: !snapshot && mid ? 1 : 0,
      });
      // Whatever is served now must be what this content gives.
      const now = moment === 'before' || moment === 'ended' || mid ? `${seed} new\n` : `${seed} old\n`;
      const next = await shop.plan(yaml);
      const hit = next.counts.hit === 1;
      expect({ seed, hit }).toEqual({ seed, hit: moment === 'before' });
      await inStep(shop.execution(next, store).run(), hit ? Promise.resolve() : walk(false));
      expect({ seed, text: await shop.output('a', 'out') }).toEqual({ seed, text: now + now });
    }
    expect(tainted).toBeGreaterThan(10);
  },
);
