/**
 * Every kind gives the same bytes in a worker that ran other cells before, in a fresh process, in another folder, beside
 * other cells and with other inert values: nothing of the clock, the place, the company or these enters an artifact.
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import { kinds } from '../../cli/kinds.js';
import { newestResult } from '../../cli/results.js';
import { openStore } from '../../runner/store/index.js';

const launcher = fileURLToPath(new URL('../../bin/moft.js', import.meta.url));
const execute = promisify(execFile);

const data = fileURLToPath(new URL('../data/fixtures', import.meta.url));
const nested = 'columns: {id: id, prompt: article.body, response: summaries}';

/** Values that are not the default of anything that a kind lists as inert. */
const inertly = { log_every: 2, link: true };

const more = (inert: Partial<typeof inertly>, name: keyof typeof inertly): string =>
  inert[name] === undefined ? '' : `, ${name}: ${String(inert[name])}`;

/** Each stage with what it reads before it; small enough to train in seconds. `inert` is more of its `with`. */
const stagesWith = (inert: Partial<typeof inertly>) => ({
  news: 'uses: data/news\n    with: {size: small, documents: 64, validation: 8, test: 8}',
  texts: 'uses: data/jsonl\n    with: {folder: texts, columns: {prompt: document, response: summaries}}',
  reference: `uses: sft\n    with: {data: $news.train, validation: $news.validation, model: {width: 8, layers: 1, heads: 2, context: 64}, steps: 3, batch: 4${more(inert, 'log_every')}}`,
  expert: `uses: soft\n    matrix: {reward: [nli, rouge]}\n    with: {reference: $reference.model, prompts: $news.train, rewards: $matrix.reward, alpha: 0.1, steps: 2, batch: 2, samples: 2, max_tokens: 6${more(inert, 'log_every')}}`,
  clp: `uses: clp\n    matrix: {conditioning: [full, attention, logits, prompt]}\n    with: {reference: $reference.model, prompts: $news.train, rewards: [nli, rouge], conditioning: $matrix.conditioning, sampling: {weights: {dirichlet: 1}, alpha: 0.1}, trade_offs: 2, steps: 2, batch: 2, samples: 2, max_tokens: 6${more(inert, 'log_every')}}`,
  soup: 'uses: rewarded-soup\n    with: {experts: $expert(reward=*).policy}',
  front:
    'uses: front\n    matrix: {method: {rewarded-soup: $soup.policy, clp: $clp.policy}}\n    with: {policy: $matrix.method, prompts: $news.test, grid: {weights: {simplex: 3}}, samples: 2, max_tokens: 6}',
  report: 'uses: report\n    with: {fronts: $front(*).front}',
  table: 'uses: data/csv\n    with: {train: table.csv, columns: {prompt: q, response: a}}',
  packed: `uses: data/parquet\n    with: {train: packed.parquet, ${nested}}`,
  hub: `uses: data/huggingface\n    with: {folder: repository, ${nested}}`,
  counts: `uses: shell\n    with: {run: 'wc -l < "$MOFT_INPUT_ROWS/rows.jsonl" > n', inputs: {rows: $texts.train}, outputs: {n: {path: n}}${more(inert, 'link')}}`,
});
type Stage = keyof ReturnType<typeof stagesWith>;
const order = Object.keys(stagesWith({})) as Stage[];

const folders: string[] = [];
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

/** A project whose pipeline names the stages in the given order. */
function project(named: readonly Stage[], inert: Partial<typeof inertly> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'moft-bytes-'));
  folders.push(folder);
  const stages = stagesWith(inert);
  // Of those that could run, the first that is named is the first that does.
  const text = named
    .map((stage, i) => `  ${stage}:\n    priority: ${named.length - i}\n    ${stages[stage]}\n`)
    .join('');
  writeFileSync(join(folder, 'package.json'), '{}');
  writeFileSync(join(folder, 'p.yaml'), `name: bytes\nstages:\n${text}`);
  return folder;
}

async function moft(folder: string, ...args: string[]): Promise<string> {
  const { stdout } = await execute(process.execPath, [launcher, ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder },
    maxBuffer: 1e8,
  });
  return stdout;
}

interface PlanJson {
  readonly cells: readonly { readonly id: string }[];
}

async function digests(folder: string): Promise<Record<string, string>> {
  const { cells } = JSON.parse(await moft(folder, 'plan', 'p.yaml', '--json')) as PlanJson;
  const store = await openStore(join(folder, '.moft'), { access: 'read' });
  if (!store.ok) throw new Error(store.error.message);
  const entries = cells.flatMap(({ id }) => {
    const { artifacts } = newestResult(store.value, id, undefined).record.record;
    return artifacts.map(({ name, digest }): [string, string] => [`${id} ${name}`, digest]);
  });
  await store.value.close();
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Runs all in one worker; in which order its cells began. */
async function orderIn(folder: string): Promise<readonly string[]> {
  const lines = (await moft(folder, 'run', 'p.yaml', '-j', '1', '--json')).trim().split('\n');
  const events = lines.map((line) => JSON.parse(line) as { readonly type: string; readonly cell: string });
  return events.flatMap(({ type, cell }) => (type === 'cell-started' ? [cell] : []));
}

it('every kind has a stage here, and every inert value another one', () => {
  const used = Object.values(stagesWith({})).map((text) => /^uses: (\S+)/.exec(text)?.[1]);
  expect([...new Set(used)].sort()).toEqual([...kinds.keys()].sort());
  const inert = [...kinds.values()].flatMap((kind) => kind.inert ?? []);
  expect([...new Set(inert)].sort()).toEqual(Object.keys(inertly).sort());
});

it('in one warm worker, in another order in one with other inert values, and in a fresh process for each stage', async () => {
  const warm = project(order);
  const reversed = project([...order].reverse(), inertly);
  const fresh = project(order);
  for (const folder of folders) {
    writeFileSync(join(folder, 'table.csv'), 'q,a\nOne?,1\nTwo?,2\n');
    cpSync(join(data, 'parquet', 'none.parquet'), join(folder, 'packed.parquet'));
    cpSync(join(data, 'repository'), join(folder, 'repository'), { recursive: true });
    mkdirSync(join(folder, 'texts'));
    for (const split of ['train', 'test']) {
      const rows = [1, 2, 3].map((n) => ({
        id: `${split}-${n}`,
        document: `a b ${n}`,
        summaries: [`a ${n}`],
      }));
      writeFileSync(
        join(folder, 'texts', `${split}.jsonl`),
        rows.map((row) => `${JSON.stringify(row)}\n`).join(''),
      );
    }
  }

  const begun = await orderIn(warm);
  const otherwise = await orderIn(reversed);
  expect(otherwise).not.toEqual(begun);
  expect([...otherwise].sort()).toEqual([...begun].sort());
  for (const stage of order) await moft(fresh, 'run', 'p.yaml', '--only', stage);

  const expected = await digests(warm);
  expect(Object.keys(expected).length).toBeGreaterThan(order.length);
  expect(await digests(reversed)).toEqual(expected);
  expect(await digests(fresh)).toEqual(expected);
}, 600_000);
