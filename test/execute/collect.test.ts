/** Outputs on their way from an attempt into the store. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { collectOutputs } from '../../runner/execute/collect.js';
import { sha256 } from '../../schemas/json.js';
import type { Exit } from '../../schemas/protocol.js';
import { cellId, freshStore, temporaryFolder, valueOf } from '../store/fixtures.js';

const rows = '{"prompt":"a"}\n';

/** Collects a dataset whose manifest promises the digest, after its worker saw what `seen` makes of its own. */
async function collected(promised: string, seen = (digest: string): string => digest) {
  const store = await freshStore();
  const attempt = valueOf(store.attempts.create('r1', cellId('a')));
  const folder = join(attempt.outputs, 'train');
  mkdirSync(folder);
  writeFileSync(join(folder, 'rows.jsonl'), rows);
  const manifest = { v: 1, columns: ['prompt'], rewards: [], rows: 1, digest: promised };
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
  const reader = await freshStore({ access: 'read' }, join(temporaryFolder(), 'none'));
  const { digest, bytes } = valueOf(await reader.cas.put('dataset', folder));
  const exit: Exit = {
    v: 1,
    attempt: attempt.nonce,
    nonce: attempt.nonce,
    epoch: 1,
    restarts: 0,
    status: 'done',
    outputs: { train: { digest: seen(digest), bytes } },
  };
  return {
    digest,
    bytes,
    result: await collectOutputs({ train: 'dataset' }, { cas: store.cas, attempt, exit }),
  };
}

it('a dataset is collected where its rows are those of its manifest', async () => {
  const { result, digest, bytes } = await collected(sha256(rows));
  expect(valueOf(result)).toEqual([{ name: 'train', type: 'dataset', digest, bytes }]);
});

it('a dataset with other rows than its manifest says is refused, with both digests', async () => {
  const { result } = await collected(sha256('other'));
  expect(result).toMatchObject({
    ok: false,
    error: {
      code: 'output-invalid',
      message: `the output "train" is no dataset: manifest.json says that rows.jsonl has SHA-256 ${sha256('other')}, found ${sha256(rows)}`,
    },
  });
});

it('an output that is another one than its worker saw is refused', async () => {
  const { result } = await collected(sha256(rows), sha256);
  expect(result).toMatchObject({ ok: false, error: { class: 'infrastructure', code: 'output-changed' } });
});
