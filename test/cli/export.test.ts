/** `moft export` on the real kinds, in a real process: what comes out of the store, and models at a trade-off. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { productIn } from './product.js';

const folder = mkdtempSync(join(tmpdir(), 'moft-export-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

const moft = productIn(folder);

beforeAll(() => {
  writeFileSync(join(folder, 'package.json'), '{}');
  writeFileSync(
    join(folder, 'p.yaml'),
    `name: p
params: { base: none }
stages:
  news: { uses: data/news, with: { size: small, documents: 32 } }
  reference:
    uses: sft
    with: { data: $news.train, model: { width: 8, heads: 2, context: 64 }, steps: 2 }
  clp:
    uses: clp
    with:
      { reference: $reference.model, prompts: $news.train, rewards: [nli, rouge], conditioning: full,
        sampling: { alpha: 0.1 }, steps: 1, batch: 1, samples: 2, max_tokens: 4 }
`,
  );
  writeFileSync(
    join(folder, 'more.yaml'),
    `name: more
stages:
  news: { uses: data/news, with: { size: small, documents: 32 } }
  more: { uses: sft, with: { base: new/merged, data: $news.train, steps: 1 } }
`,
  );
  const ran = moft('run', 'p.yaml');
  expect(ran.status, ran.stderr).toBe(0);
}, 120_000);

describe('export', () => {
  it('copies what a cell made, and writes over nothing', () => {
    const { status, stdout, stderr } = moft('export', 'reference', '-o', 'model');
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
    expect(stderr).toMatch(/^wrote model: model of reference in p, run \S+\n$/);
    expect(readdirSync(join(folder, 'model')).sort()).toEqual([
      'config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    writeFileSync(join(folder, 'model/config.json'), 'mine');
    const again = moft('export', 'reference', '-o', 'model');
    expect(again).toMatchObject({ status: 2 });
    expect(again.stderr).toContain('there is something at');
    expect(readFileSync(join(folder, 'model/config.json'), 'utf8')).toBe('mine');
  });

  it('asks which of several outputs, and says where one went to a script', () => {
    const asked = moft('export', 'news', '-o', 'data');
    expect(asked).toMatchObject({ status: 2 });
    expect(asked.stderr).toContain(
      'news has 3 outputs, expected one\n  hint: its outputs are test, train, validation',
    );
    const { status, stdout } = moft('export', 'news', 'test', '-o', 'data', '--json');
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      cell: 'news',
      output: 'test',
      type: 'dataset',
      path: join(folder, 'data'),
    });
    expect(existsSync(join(folder, 'data/rows.jsonl'))).toBe(true);
  });

  it('merges a policy at a trade-off into a model that a pipeline starts from', () => {
    const merged = moft('export', 'clp', '-o', 'new/merged', '--weights', 'nli=0.8,rouge=0.2');
    expect(merged).toMatchObject({ status: 0, stdout: '' });
    const ran = moft('run', 'more.yaml');
    expect(ran.status, ran.stderr).toBe(0);
  });

  it('of a policy as it is says what to do where a model is expected', () => {
    expect(moft('export', 'clp', '-o', 'policy')).toMatchObject({ status: 0 });
    const { status, stderr } = moft('run', 'more.yaml', '--set', 'stages.more.with.base=policy');
    expect(status).toBe(1);
    expect(stderr).toContain('moft export CELL -o FOLDER --weights NAME=1');
  });

  it.each([
    [['clp', '-o', 'x', '--weights', 'nli=0.8'], 'no point of the simplex'],
    [['clp', '-o', 'x', '--weights', 'nli=most'], 'the weight of nli is a number, found "most"'],
    [['clp', '-o', 'x', '--weights', 'nli=1,nli=0'], 'names an objective twice'],
    [
      ['clp', '-o', 'x', '--alpha', '0.2', '--weights', 'nli=1'],
      'alpha 0.2 is not what the policy was trained for',
    ],
    [['reference', '-o', 'x', '--alpha', '0.2'], 'model of reference is a model'],
    [['reference', 'weights', '-o', 'x'], 'reference has no output "weights"'],
    [['reference', '-o', 'p.yaml/x'], 'p.yaml is a file'],
    [['reference'], 'export needs a place to write to'],
    [['referense', '-o', 'x'], 'no finished cell is named by "referense"'],
  ])('%j is refused, and nothing is left', (args, message) => {
    const refused = moft('export', ...args);
    expect(refused).toMatchObject({ status: 2, stdout: '' });
    expect(refused.stderr).toContain(message);
    expect(readdirSync(folder).filter((name) => name.startsWith('x'))).toEqual([]);
  });
});
