/** Runs in a store as a runner leaves them, without running anything: journal, attempts, records, manifest. */
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient, type MlflowClient, type Patience } from '../../runner/track/mlflow/index.js';
import { Sender, type SenderOptions } from '../../runner/track/outbox/index.js';
import type { Turn } from '../../runner/track/outbox/sender.js';
import { newRunId, type JournalWriter, type RunCell, type Store } from '../../runner/store/index.js';
import type { StageEventBody } from '../../schemas/protocol.js';
import type { Json, JsonObject } from '../../schemas/json.js';
import { cellId, keyFor, recordOf, temporaryFolder, valueOf, writeFiles } from '../store/fixtures.js';
import { now, settingsOf, unique } from './shared.js';

export interface Point {
  readonly name: string;
  readonly value: number;
  readonly step: number;
}

/** `points` of two metrics by turns, with values that a float would spoil. */
export const curve = (points: number): Point[] =>
  Array.from({ length: points }, (_, n) => ({
    name: n % 2 === 0 ? 'loss' : 'rewards/nli/mean',
    value: Math.sin(n + 0.1) * 10 ** ((n % 7) - 3),
    step: Math.floor(n / 2),
  }));

const manifest = { v: 1, columns: ['prompt', 'references'], rewards: ['nli'], rows: 1, digest: '' };

export class RecordedRun {
  readonly run: string;
  readonly experiment = unique('moft/outbox');
  readonly #store: Store;
  readonly #journal: JournalWriter;
  readonly #cells: Record<string, RunCell> = {};
  #time = now;

  constructor(store: Store, params: JsonObject = { alpha: 0.05 }) {
    this.#store = store;
    this.run = newRunId(now, store.runs.list()[0]);
    this.#journal = valueOf(store.journal(this.run));
    const named = { pipeline: 'recorded', file: '/x/recorded.yaml', experiment: this.experiment };
    const source = { user: 'me', commit: 'c'.repeat(40), branch: 'main', dirty: true };
    this.tell({ type: 'run-started', ...named, params, source, cells: 1 });
  }

  tell(event: JsonObject): void {
    valueOf(this.#journal.append({ time: ++this.#time, ...event }));
  }

  /** Begins a try at a cell; events are added to what is answered. */
  start(cell: string, values: JsonObject = {}): (said: readonly (Point | StageEventBody)[]) => void {
    const attempt = valueOf(this.#store.attempts.create(this.run, cellId(cell)));
    const job = {
      v: 1,
      attempt: attempt.nonce,
      kind: 'soft',
      with: values,
      seed: 0,
      inputs: {},
      outputs: {},
      scratch: '',
    };
    writeFileSync(attempt.job, JSON.stringify(job));
    this.tell({ type: 'cell-started', cell, key: keyFor({ cell }), attempt: attempt.number });
    let seq = 0;
    return (said) => {
      const lines = said.map((event) =>
        JSON.stringify({ time: ++this.#time, seq: ++seq, type: 'metric', ...event, attempt: attempt.nonce }),
      );
      appendFileSync(attempt.events, lines.map((line) => `${line}\n`).join(''));
    };
  }

  /** Ends a cell with a file, a folder and a small dataset as results; answers the digests of folder and dataset. */
  async finish(cell: string): Promise<{ readonly tree: string; readonly data: string }> {
    const folder = temporaryFolder();
    writeFiles(folder, {
      'out.txt': `${cell} é\n`,
      'tree/a.json': '{}',
      'tree/odd #name%.txt': cell,
      'tree/empty/': '',
      'data/manifest.json': JSON.stringify(manifest),
      'data/rows.jsonl': `${JSON.stringify({ prompt: cell, references: ['é'] })}\n`,
    });
    const out = valueOf(await this.#store.cas.put('file', join(folder, 'out.txt')));
    const tree = valueOf(await this.#store.cas.put('directory', join(folder, 'tree')));
    const data = valueOf(await this.#store.cas.put('dataset', join(folder, 'data')));
    const outputs = [
      { name: 'out', type: 'file' as const, put: out },
      { name: 'tree', type: 'directory' as const, put: tree },
      { name: 'data', type: 'dataset' as const, put: data },
    ];
    const record = { ...recordOf({ cell }, outputs), run: this.run };
    const { key, digest } = valueOf(await this.#store.records.publish(record));
    this.#cells[cell] = { key, record: digest, how: 'ran' };
    this.tell({ type: 'cell-finished', cell, status: 'ran', key, record: digest, seconds: 1 });
    return { tree: tree.digest, data: data.digest };
  }

  fail(cell: string): void {
    const failure = { class: 'user', code: 'bad-data', message: 'row 3 is no row' };
    this.tell({ type: 'cell-finished', cell, status: 'failed', key: keyFor({ cell }), failure });
  }

  /** Ends the run. */
  end(status: 'done' | 'failed' | 'interrupted' = 'done'): void {
    const counts: Json = { ran: 1, hit: 0, failed: 0, skipped: 0 };
    this.tell({ type: 'run-finished', status, counts, seconds: 2, saved_seconds: 0 });
    this.manifest(status);
  }

  manifest(status: 'running' | 'done' | 'failed' | 'interrupted'): void {
    const named = { v: 1, run: this.run, pipeline: 'recorded', file: '/x/recorded.yaml' } as const;
    const started = new Date(now).toISOString();
    valueOf(this.#store.runs.write({ ...named, started, status, cells: this.#cells }));
  }

  close(): void {
    this.#journal.close();
  }
}

export const steady: Patience = { tries: 4, first: 50, most: 400 };

export function newSender(
  store: Store,
  run: string,
  client: MlflowClient,
  more: Partial<SenderOptions> = {},
): Sender {
  return new Sender({ store, run, client, isGone: () => false, ...more });
}

/** Turns until all is there; a server that is away is tried again, up to `tries` times. */
export async function sendAll(sender: Sender, tries = 1): Promise<Turn> {
  for (let n = 1; ; n++) {
    const turn = await sender.turn();
    if (turn.kind === 'complete' || n >= tries) return turn;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export const clientOf = (address: string): MlflowClient =>
  createClient(settingsOf(address), { patience: steady });
