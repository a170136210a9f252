/** `moft init`: every combination of answers passes the checker, and one is run. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kinds } from '../../cli/kinds.js';
import init from '../../cli/init.js';
import type { CliHost } from '../../cli/host.js';
import { methods, rewardsFor, template, type Answers, type Method } from '../../cli/init/template.js';
import { analyze } from '../../runner/language/index.js';
import { readFolder } from '../../cli/init/folder.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'moft-init-'));
  writeFileSync(join(folder, 'package.json'), '{}');
  for (const split of ['train', 'dev', 'test'])
    writeFileSync(join(folder, `${split}.jsonl`), '{"id": "1", "document": "a b", "summaries": ["a"]}\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const subsets = <T>(items: readonly T[]): T[][] =>
  items
    .reduce<T[][]>((all, item) => [...all, ...all.map((set) => [...set, item])], [[]])
    .filter(({ length }) => length > 0);

function combinations(): Answers[] {
  return (['news', 'jsonl'] as const).flatMap((data) =>
    subsets<Method>(methods).flatMap((chosen) =>
      subsets(rewardsFor[data])
        .filter(({ length }) => length > 1)
        .flatMap((rewards) =>
          [1, 3].map((seeds) => {
            const found = data === 'jsonl' ? readFolder(folder, '.') : undefined;
            const base = { name: 'first', data, rewards, methods: chosen, seeds };
            return found ? { ...base, folder: found } : base;
          }),
        ),
    ),
  );
}

describe('what init writes', () => {
  it('passes the checker for every combination of answers', () => {
    const all = combinations();
    expect(all.length).toBe(2 * 31 * 4 * 2);
    for (const answers of all) {
      const text = template(answers);
      const { diagnostics, pipeline } = analyze(
        { file: join(folder, 'first.yaml'), text },
        { registry: kinds, workingFolder: folder, exists: existsSync },
      );
      expect(diagnostics, text).toEqual([]);
      expect(pipeline?.cells.some(({ kind }) => kind === 'report')).toBe(true);
    }
  });

  it('reads the names of splits and fields from the folder', () => {
    const found = readFolder(folder, 'data');
    const text = template({
      name: 'x',
      data: 'jsonl',
      rewards: ['brevity', 'rouge-l'],
      methods: ['soup'],
      seeds: 2,
      ...(found ? { folder: found } : {}),
    });
    expect(text).toContain('files: { train: "train.jsonl", validation: "dev.jsonl", test: "test.jsonl" }');
    expect(text).toContain('columns: { id: "id", prompt: "document", response: "summaries" }');
  });
});

/** The command itself, in this folder, with a person who answers. */
async function initWith(
  args: readonly string[],
  options: Record<string, unknown>,
  answers?: readonly string[],
): Promise<string> {
  const left = [...(answers ?? [])];
  let out = '';
  const ask = answers && { ask: () => Promise.resolve(left.shift() ?? '') };
  const host = {
    cwd: folder,
    stdout: { write: (text: string) => (out += text) },
    ...ask,
  } as unknown as CliHost;
  await init.run(args, options, host);
  return out;
}

describe('moft init', () => {
  it('asks, and takes an empty answer for the default', async () => {
    expect(await initWith(['asked.yaml'], {}, ['', 'rouge, tldr', 'prompt', ''])).toContain(
      'moft run asked.yaml',
    );
    const text = readFileSync(join(folder, 'asked.yaml'), 'utf8');
    expect(text).toContain('rewards: [rouge, tldr]');
    expect(text).toContain('matrix: { conditioning: [prompt] }');
    expect(text).toContain('seeds: 2');
    expect(text).not.toContain('rewarded-soup');
  });

  it('asks again after an answer that will not do, says why, and keeps the earlier ones', async () => {
    const out = await initWith(['again.yaml'], {}, ['', 'nli', 'nli, tldr', 'sup', 'prompt', '0', '3']);
    expect(out).toContain('this question expects two rewards or more, found nli');
    expect(out).toContain('this question knows no "sup"; write some of');
    expect(out).toContain('this question expects a whole number of at least 1, found "0"');
    expect(out).not.toContain('--rewards');
    const text = readFileSync(join(folder, 'again.yaml'), 'utf8');
    expect(text).toContain('rewards: [nli, tldr]');
    expect(text).toContain('seeds: 3');
  });

  it('never overwrites, and says what it does not know', async () => {
    writeFileSync(join(folder, 'mine.yaml'), 'mine');
    await expect(initWith(['mine.yaml'], { yes: true })).rejects.toThrow('there is already a file');
    expect(readFileSync(join(folder, 'mine.yaml'), 'utf8')).toBe('mine');
    await expect(initWith(['a.yaml'], { yes: true, rewards: 'nli' })).rejects.toThrow('two rewards or more');
    await expect(initWith(['a.yaml'], { yes: true, rewards: 'nli,rogue' })).rejects.toThrow(
      'knows no "rogue"',
    );
    await expect(initWith(['a.yaml'], { yes: true, data: 'jsonl', path: 'none' })).rejects.toThrow(
      'is no folder',
    );
    await expect(initWith(['a.txt'], { yes: true })).rejects.toThrow('no name of a pipeline');
    expect(existsSync(join(folder, 'a.yaml'))).toBe(false);
  });
});

it('a file that init wrote runs to its report', { timeout: 240_000 }, () => {
  const moft = (...args: string[]) =>
    spawnSync(
      process.execPath,
      [fileURLToPath(new URL('../../dist/cli/moft.js', import.meta.url)), ...args],
      {
        cwd: folder,
        encoding: 'utf8',
      },
    );
  expect(moft('init', 'small.yaml', '--yes', '--seeds', '1')).toMatchObject({ status: 0, stderr: '' });
  const small = ['-p', 'steps=2', '-p', 'reference_steps=3', '--set', 'stages.news.with.documents=64'];
  const { status, stdout } = moft('run', 'small.yaml', ...small);
  expect({ status, stdout }).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('report: ') as string,
  });
});
