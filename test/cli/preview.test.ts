/** `plan --preview` on the real kinds, in a real process: what a data stage reads, and what a training would learn. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { productIn } from './product.js';

const folder = mkdtempSync(join(tmpdir(), 'moft-preview-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

const moft = productIn(folder);

beforeAll(() => {
  writeFileSync(join(folder, 'rows.csv'), 'id,q,a\nx,Is it so?,It is.\ny,"And, now?",Now too.\n');
  writeFileSync(
    join(folder, 'p.yaml'),
    `name: p
stages:
  texts: { uses: data/csv, with: { train: rows.csv, columns: { id: id, prompt: q, response: a } } }
  reference: { uses: sft, with: { data: $texts.train, model: { context: 16 }, steps: 1 } }
  soft: { uses: soft, with: { reference: $reference.model, prompts: $texts.train, rewards: brevity, alpha: 0.1 } }
`,
  );
});

it('shows the rows that a data stage would make, and keeps nothing', () => {
  const before = readdirSync(tmpdir()).filter((name) => name.startsWith('moft-preview-'));
  expect(moft('plan', 'p.yaml', '--preview', 'texts', '--rows', '1')).toEqual({
    status: 0,
    stderr: '',
    stdout: 'train: 2 rows\n  x\n    prompt: Is it so?\n    response: It is.\nnote: train: 2 rows\n',
  });
  expect(readdirSync(tmpdir()).filter((name) => name.startsWith('moft-preview-'))).toEqual(before);
});

it('says what must run before the tokens of a training can be shown', () => {
  const { status, stderr } = moft('plan', 'p.yaml', '--preview', 'reference');
  expect(status).toBe(2);
  expect(stderr).toContain("the preview of reference reads texts, which the store doesn't have");
  expect(stderr).toMatch(/hint: run it first: moft run .*p\.yaml --until "texts"/);
});

it('shows tokens and the loss mask of a training, and how its rows fit the model', () => {
  expect(moft('run', 'p.yaml', '--until', 'texts').status).toBe(0);
  const shown = moft('plan', 'p.yaml', '--preview', 'reference');
  expect(shown.stdout.split('\n')).toEqual([
    'x: 9 tokens, 4 learnt',
    '  is it so ? <sep> [ it is . <eos> ]',
    'y: 9 tokens, 4 learnt',
    '  and , now ? <sep> [ now too . <eos> ]',
    expect.stringMatching(/^2 rows, \d+ tokens in the vocabulary; the longest row has 9 of 16 tokens$/),
    'in [ ]: what is learnt, 44.4% of the tokens; unknown: 0.0%',
    '',
  ]);
  const json = moft('plan', 'p.yaml', '--preview', 'reference', '--rows', '1', '--json');
  expect(JSON.parse(json.stdout)).toMatchObject({
    cell: 'reference',
    examples: 2,
    rows: [{ id: 'x', learnt: [0, 0, 0, 0, 0, 1, 1, 1, 1] }],
  });
});

it('learns all but the first token where the loss is on all', () => {
  const shown = moft(
    'plan',
    'p.yaml',
    '--set',
    'stages.reference.with.loss_on=all',
    '--preview',
    'reference',
  );
  expect(shown.stdout).toContain('  is [ it so ? <sep> it is . <eos> ]\n');
});

it('refuses as the stage would, with place', () => {
  const short = moft(
    'plan',
    'p.yaml',
    '--set',
    'stages.reference.with.model.context=8',
    '--preview',
    'reference',
  );
  expect(short).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('row "x" has 9 tokens, prompt, separator') as string,
  });
  writeFileSync(join(folder, 'rows.csv'), 'id,q,a\nx,,a\n');
  const bad = moft('plan', 'p.yaml', '--preview', 'texts');
  expect(bad).toMatchObject({
    status: 1,
    stderr: 'moft: train:2: expected a text in the column "q", found an empty text\n',
  });
});

it('says which stages have none', () => {
  const { status, stderr } = moft('plan', 'p.yaml', '--preview', 'soft');
  expect(status).toBe(2);
  expect(stderr).toContain('there is no preview of soft: it is of the kind soft');
});
