/** What the tests of `moft lsp` share: a server as an editor starts it, and a file that is right. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import type { Range, TextEdit } from 'vscode-languageserver/node';
import { kinds } from '../../cli/kinds.js';
import { analyze } from '../../runner/language/index.js';
import { Client } from './client.js';

export const root = join(import.meta.dirname, '../..');

/** A client of a server that lives as long as the tests of a file, and ends without a word. */
export function startServer(): Client {
  const client = new Client({
    command: [process.execPath, join(root, 'dist/cli/moft.js'), 'lsp', '--stdio'],
  });
  beforeAll(async () => {
    await client.initialize();
  });
  afterAll(async () => {
    expect(await client.close()).toBe(0);
    expect(client.stderr).toBe('');
  });
  return client;
}

export const good = `name: editor
seeds: 2
params: {alpha: 0.1, steps: 20}
stages:
  news:
    uses: data/news
  reference:
    uses: sft
    with: {data: $news.train}
  expert:
    uses: soft
    matrix: {reward: [nli, rouge]}
    with:
      reference: $reference.model
      prompts: $news.train
      rewards: $matrix.reward
      alpha: $params.alpha
      steps: $params.steps
  soup:
    uses: rewarded-soup
    needs: [news]
    with: {experts: $expert(reward=*).policy}
  front:
    uses: front
    matrix:
      method: {soup: $soup.policy, nli: "$expert(reward=nli).policy"}
    with: {policy: $matrix.method, prompts: $news.test}
  report:
    uses: report
    with: {fronts: $front(method=soup seed=*).front}
`;
let count = 0;
/** Opens a file that is nowhere on the disk. */
export const open = (client: Client, content: string): Promise<string> =>
  client.open(join(root, 'pipelines', `unsaved-${count++}.yaml`), content);

/** What stands at a range of a text. */
export const at = (content: string, { start, end }: Range): string => {
  const lines = content.split('\n');
  expect(start.line).toBe(end.line);
  return (lines[start.line] ?? '').slice(start.character, end.character);
};

export function applied(content: string, edits: readonly TextEdit[]): string {
  const starts = content
    .split('\n')
    .reduce<number[]>((all, line) => [...all, (all.at(-1) ?? 0) + line.length + 1], [0]);
  const offset = ({ line, character }: Range['start']): number => (starts[line] ?? 0) + character;
  return [...edits]
    .sort((a, b) => offset(b.range.start) - offset(a.range.start))
    .reduce(
      (all, { range, newText }) => all.slice(0, offset(range.start)) + newText + all.slice(offset(range.end)),
      content,
    );
}

export const errorsOf = (content: string): string[] =>
  analyze(
    { file: join(root, 'pipelines/x.yaml'), text: content },
    { registry: kinds, workingFolder: root },
  ).diagnostics.map(({ code, message }) => `${code}: ${message}`);
