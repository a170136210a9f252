import { describe, expect, it, onTestFinished } from 'vitest';
import { cellId, freshStore, valueOf } from '../store/fixtures.js';
import { clientOf, curve, newSender, RecordedRun, sendAll } from './recorded.js';
import { MlflowServer, programs } from './server.js';

/** How often the server is killed; `MOFT_TEST_RESTARTS=20` for the long version. */
const kills = Number(process.env.MOFT_TEST_RESTARTS ?? 3);
const cells = ['a', 'b', 'c', 'd'];
const points = 2_500;

describe.skipIf(!programs)('a server that is killed while 10,000 metrics are sent', () => {
  it(
    `${kills} times has each of them once, and each run once`,
    async () => {
      const server = await MlflowServer.start();
      onTestFinished(() => server.close());
      const store = await freshStore();
      const run = new RecordedRun(store);
      onTestFinished(() => run.close());
      const curves = new Map(
        cells.map((cell, n) => [cell, curve(points).map((point) => ({ ...point, value: point.value + n }))]),
      );
      const writers = new Map(cells.map((cell) => [cell, run.start(cell)]));
      const mlflow = clientOf(server.address);
      onTestFinished(() => mlflow.close());
      const sender = newSender(store, run.run, mlflow);
      const share = Math.ceil(points / (kills + 1));
      for (let kill = 0; kill <= kills; kill++) {
        await server.ready();
        for (const cell of cells) {
          const part = (curves.get(cell) ?? []).slice(kill * share, (kill + 1) * share);
          writers.get(cell)?.(part);
        }
        const turn = sender.turn();
        if (kill === kills) {
          await turn;
          break;
        }
        // In the middle: when something of this part has arrived, and not all of it.
        await someArrived(sender.sent.cells);
        await server.kill();
        await turn;
        server.restart();
      }
      run.end();
      expect(await sendAll(sender, 20)).toEqual({ kind: 'complete' });
      const parent = sender.sent.run;
      const all = valueOf(await mlflow.runs({ experiments: [parent?.experiment ?? ''], deleted: 'all' }));
      expect(all.map(({ name }) => name).sort()).toEqual([...cells, 'recorded']);
      for (const cell of cells) {
        const { id = '' } = sender.sent.cell(cellId(cell)) ?? {};
        for (const name of ['loss', 'rewards/nli/mean']) {
          const wanted = (curves.get(cell) ?? []).filter((point) => point.name === name);
          const found = [...valueOf(await mlflow.history(id, name))].sort((x, y) => x.step - y.step);
          expect(found.map(({ step, value }) => [step, value])).toEqual(
            wanted.map(({ step, value }) => [step, value]),
          );
        }
      }
    },
    120_000 + kills * 60_000,
  );
});

/** Resolves when one more stretch of events was taken than there were at the call. */
async function someArrived(
  sent: ReadonlyMap<unknown, { readonly sent?: { readonly last: number } }>,
): Promise<void> {
  const total = (): number => [...sent.values()].reduce((sum, { sent: at }) => sum + (at?.last ?? 0), 0);
  const before = total();
  for (let n = 0; n < 2_000 && total() === before; n++)
    await new Promise((resolve) => setTimeout(resolve, 5));
}
