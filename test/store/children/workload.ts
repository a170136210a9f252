/** Work as a run does it: claims, artifacts, records, run manifests, a journal. The same in a child and in the test. */
import fs from 'node:fs';
import path from 'node:path';
import { keyOf, type Put, type RunCell, type Store } from '../../../runner/store/index.js';
import type { Result } from '../../../schemas/result.js';
import type { CellId, Key } from '../../../runner/pipeline.js';

export const cells = [0, 1, 2, 3, 4, 5];

export const preimageFor = (cell: number): { cell: number } => ({ cell });
export const keyFor = (cell: number): Key => keyOf(preimageFor(cell));

function must<T>(result: Result<T, unknown>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

/** A folder of two files, one of them shared by all cells, and a file. */
async function outputs(store: Store, cell: number, scratch: string): Promise<{ tree: Put; file: Put }> {
  const folder = path.join(scratch, `tree-${cell}`);
  fs.mkdirSync(path.join(folder, 'deep'), { recursive: true });
  fs.writeFileSync(path.join(folder, 'deep', 'own.txt'), `cell ${cell}`.repeat(1000));
  fs.writeFileSync(path.join(folder, 'shared.txt'), 'the same in all');
  return {
    tree: must(await store.cas.putTree(folder)),
    file: must(store.cas.putBytes(`file of ${cell}`)),
  };
}

async function runCell(store: Store, run: string, cell: number): Promise<string> {
  const claim = must(await store.claim(keyFor(cell)));
  if (claim.kind === 'hit') return claim.record.digest;
  if (claim.kind === 'held') throw new Error(`cell ${cell} is held by ${claim.holder.runner}`);
  const attempt = must(store.attempts.create(run, `work/cell=${cell}` as CellId));
  const { tree, file } = await outputs(store, cell, attempt.scratch);
  const record = must(
    await store.records.publish({
      v: 1,
      key: keyFor(cell),
      preimage: preimageFor(cell),
      kind: 'work',
      artifacts: [
        { name: 'tree', type: 'directory', ...tree },
        { name: 'file', type: 'file', ...file },
      ],
      seconds: 1,
      finished: '2026-01-01T00:00:00.000Z',
      run,
      environment: {},
    }),
  );
  claim.lease.release();
  return record.digest;
}

/** Runs all cells; returns the record that each ended with. */
export async function work(store: Store, run: string): Promise<Record<string, string>> {
  const journal = must(store.journal(run));
  const records: Record<string, string> = {};
  const manifest = { v: 1, run, pipeline: 'work', file: '/work.yaml', started: '' } as const;
  for (const cell of cells) {
    must(journal.append({ type: 'cell-started', cell }));
    records[cell] = await runCell(store, run, cell);
    must(journal.append({ type: 'cell-finished', cell }));
    const bound: Record<string, RunCell> = {};
    for (const [name, record] of Object.entries(records)) {
      bound[name] = { key: keyFor(Number(name)), record, how: 'ran' };
    }
    must(store.runs.write({ ...manifest, status: 'running', cells: bound }));
  }
  journal.close();
  must(await store.flush());
  return records;
}
