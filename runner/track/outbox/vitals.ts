/** The vitals of a cell's attempts as metrics: read on from where it stood; from the start after a restart, which changes nothing. */
import { join } from 'node:path';
import { vitalsFile, type VitalsLine } from '../../execute/worker/vitals.js';
import type { CellId } from '../../pipeline.js';
import { Tail, type Store } from '../../store/index.js';
import { ok, type Result } from '../../../schemas/result.js';
import type { Metric, MlflowClient, MlflowProblem } from '../mlflow/index.js';

export class VitalsStream {
  readonly #list: () => ReturnType<Store['attempts']['list']>;
  readonly #tails = new Map<number, Tail>();

  constructor(store: Store, run: string, cell: CellId) {
    this.#list = () => store.attempts.list(run, cell);
  }

  /** Said again they change nothing: nobody notes how far they are there. */
  async send(client: MlflowClient, id: string): Promise<Result<void, MlflowProblem>> {
    const metrics = this.#next();
    const logged = metrics.length === 0 ? ok(undefined) : await client.log(id, { metrics });
    if (!logged.ok) this.#tails.clear();
    return logged;
  }

  #next(): readonly Metric[] {
    return this.#list().flatMap(({ number, folder }) => {
      const tail = this.#tails.get(number) ?? new Tail(join(folder, vitalsFile));
      this.#tails.set(number, tail);
      return tail.readAll().flatMap(readLine);
    });
  }
}

function readLine(text: string): readonly Metric[] {
  try {
    const { time, step, figures } = JSON.parse(text) as VitalsLine;
    return Object.entries(figures).map(([key, value]) => ({ key, value, timestamp: time, step }));
  } catch {
    return []; // torn by a kill
  }
}
