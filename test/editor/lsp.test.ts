/** `moft lsp` as an editor meets it: a real process, spoken to over its protocol. */
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  DiagnosticSeverity,
  type CodeAction,
  type DocumentSymbol,
  type Location,
  type Range,
  type TextEdit,
  type WorkspaceEdit,
} from 'vscode-languageserver/node';
import { kinds } from '../../cli/kinds.js';
import { isPipeline } from '../../cli/lsp/files.js';
import { analyze } from '../../runner/language/index.js';
import { Client } from './client.js';

const root = join(import.meta.dirname, '../..');
const client = new Client({ command: [process.execPath, join(root, 'dist/cli/moft.js'), 'lsp', '--stdio'] });
beforeAll(async () => {
  await client.initialize();
});
afterAll(async () => {
  expect(await client.close()).toBe(0);
  expect(client.stderr).toBe('');
});

const text = `name: editor
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
const good = (): string => text;

let count = 0;
const open = (content: string): Promise<string> =>
  client.open(join(root, 'pipelines', `unsaved-${count++}.yaml`), content);

/** What stands at a range of a text. */
const at = (content: string, { start, end }: Range): string => {
  const lines = content.split('\n');
  expect(start.line).toBe(end.line);
  return (lines[start.line] ?? '').slice(start.character, end.character);
};

function applied(content: string, edits: readonly TextEdit[]): string {
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

const errorsOf = (content: string): string[] =>
  analyze(
    { file: join(root, 'pipelines/x.yaml'), text: content },
    { registry: kinds, workingFolder: root },
  ).diagnostics.map(({ code, message }) => `${code}: ${message}`);

/** References offered where `|` stands. */
async function offered(content: string): Promise<string[]> {
  const before = content.slice(0, content.indexOf('|'));
  const uri = await open(content.replace('|', ''));
  const items = await client.completions(uri, client.position(uri, before, { after: true }));
  return items
    .toSorted((a, b) => (a.sortText ?? '').localeCompare(b.sortText ?? ''))
    .map(({ label }) => label);
}

describe('diagnostics', () => {
  it.each(['quickstart', 'two-rewards-fixed-kl'])('of pipelines/%s.yaml: none', async (name) => {
    const uri = await client.open(join(root, 'pipelines', `${name}.yaml`));
    expect(await client.diagnostics(uri)).toEqual([]);
  });

  it('follow the text that is typed, unsaved, and name what no schema knows', async () => {
    const uri = await open(good());
    expect(await client.diagnostics(uri)).toEqual([]);
    const wrong = good().replace('$params.alpha', '$params.alpah').replace('$news.test}', '$soup.policy}');
    const version = await client.change(uri, wrong);
    const found = await client.diagnostics(uri, (published) => published.version === version);
    expect(found.map(({ code, range }) => [code, at(wrong, range)])).toEqual([
      ['unknown-param', expect.stringContaining('alpah')],
      ['wrong-artifact', expect.stringContaining('$soup.policy')],
    ]);
    expect(found[0]?.message).toContain('did you mean `alpha`?');
    expect(found.map(({ severity, source }) => [severity, source])).toEqual([
      [DiagnosticSeverity.Error, 'moft'],
      [DiagnosticSeverity.Error, 'moft'],
    ]);
    const mended = await client.change(uri, good());
    expect(await client.diagnostics(uri, (published) => published.version === mended)).toEqual([]);
  });

  it('of a text that keeps changing are those of its last version', async () => {
    const uri = await open(good());
    let last = 0;
    for (let round = 0; round < 30; round++)
      last = await client.change(uri, good().replace('seeds: 2', `seeds: x${round}`));
    const found = await client.diagnostics(uri, ({ version }) => version === last);
    expect(found.map(({ message }) => message)).toContainEqual(expect.stringContaining('"x29"'));
  });

  it('relate a wrong param to its uses', async () => {
    const uri = await open(good().replace('alpha: 0.1', 'alpha: 1.5'));
    const [found] = await client.diagnostics(uri);
    expect(found?.code).toBe('alpha-range');
    expect(found?.relatedInformation?.map(({ location, message }) => [location.uri, message])).toEqual([
      [uri, 'used here'],
    ]);
  });

  it('tell of a param without a default without calling it an error', async () => {
    const uri = await client.open(join(root, 'pipelines/scitldr.yaml'));
    const found = await client.diagnostics(uri);
    expect(found.map(({ code, severity }) => [code, severity])).toEqual([
      ['missing-param', DiagnosticSeverity.Information],
    ]);
  });

  it('of YAML files of other tools: none', async () => {
    const uri = await open('stages:\n  - build\n  - test\nbuild:\n  stage: build\n  script: [make]\n');
    expect(await client.diagnostics(uri)).toEqual([]);
    expect(await client.hover(uri, { line: 0, character: 2 })).toBe('');
  });
});

describe('a YAML file', () => {
  it.each([
    ['that names the schema', '# yaml-language-server: $schema=../schemas/pipeline.schema.json\n', true],
    ['with stages as a map', 'name: x\nstages: # all\n\n  # first\n  news:\n    uses: data/news\n', true],
    ['with stages in braces', 'stages: {news: {uses: data/news}}\n', true],
    ['with stages as a list', 'stages:\n  - build\n', false],
    ['with many blank lines, in no more time', `stages:\n${'\n'.repeat(50_000)}x`, false],
  ])('%s: is it a pipeline?', (_, content, expected) => expect(isPipeline(content)).toBe(expected));
});

describe('quick fixes', () => {
  it('mend the mistake that they stand at', async () => {
    const wrong = good().replace('uses: rewarded-soup', 'uses: rewarded-soap');
    const uri = await open(wrong);
    const [found] = await client.diagnostics(uri);
    const actions = await client.connection.sendRequest<CodeAction[]>('textDocument/codeAction', {
      textDocument: { uri },
      range: found?.range,
      context: { diagnostics: [found] },
    });
    expect(actions.length).toBeGreaterThan(0);
    const [first] = actions;
    expect(first?.isPreferred).toBe(true);
    expect(first?.diagnostics).toEqual([found]);
    const mended = applied(wrong, first?.edit?.changes?.[uri] ?? []);
    expect(mended).toBe(good());
  });
});

describe('go to definition', () => {
  const target = async (piece: string, offset: number): Promise<string[]> => {
    const uri = await open(good());
    const found = await client.request<Location[]>(
      'definition',
      uri,
      client.position(uri, piece, { offset }),
    );
    return found.map(({ uri: other, range }) => {
      expect(other).toBe(uri);
      return `${range.start.line + 1}: ${at(good(), range)}`;
    });
  };

  it.each([
    ['a stage', '$reference.model', 3, ['7: reference']],
    ['an output, to its stage', '$reference.model', 12, ['7: reference']],
    ['a param', '$params.alpha', 10, ['3: alpha']],
    ['an own axis', '$matrix.method', 9, ['26: method']],
    ['an axis in a selector', '$expert(reward=*)', 10, ['12: reward']],
    ['a stage in quotes', '"$expert(reward=nli)', 3, ['10: expert']],
    ['a stage that is waited for', 'needs: [news', 9, ['5: news']],
  ])('of %s', async (_, piece, offset, expected) => {
    expect(await target(piece, offset)).toEqual(expected);
  });

  it('of nothing is nothing', async () => expect(await target('data/news', 3)).toEqual([]));
});

describe('find references', () => {
  const places = async (piece: string, offset: number, includeDeclaration = true): Promise<number[]> => {
    const uri = await open(good());
    const position = client.position(uri, piece, { offset });
    const found = await client.request<Location[]>('references', uri, position, {
      context: { includeDeclaration },
    });
    return found.map(({ range }) => range.start.line + 1);
  };

  it('of a stage', async () => {
    expect(await places('  news:', 3)).toEqual([5, 9, 15, 21, 27]);
    expect(await places('  news:', 3, false)).toEqual([9, 15, 21, 27]);
  });
  it('of a param', async () => expect(await places('steps: 20', 1)).toEqual([3, 18]));
  it('of a param and a stage that presets and ablations name', async () => {
    const more = `presets: {short: {steps: 5}}\nablations:\n  expert: {one_at_a_time: {half: {steps: $params.steps}}}\n`;
    const uri = await open(good() + more);
    const found = async (piece: string): Promise<number[]> => {
      const position = client.position(uri, piece, { offset: 1 });
      const context = { includeDeclaration: false };
      const places = await client.request<Location[]>('references', uri, position, { context });
      return places.map(({ range }) => range.start.line + 1);
    };
    expect((await found('steps: 20')).sort((a, b) => a - b)).toEqual([18, 31, 33]);
    expect((await found('expert:')).sort((a, b) => a - b)).toEqual([22, 26, 33]);
  });
  it('of an axis', async () => expect(await places('reward: [nli', 1)).toEqual([12, 16, 22, 26]));
});

describe('hover', () => {
  const shown = async (piece: string, offset = 1, content = good()): Promise<string> => {
    const uri = await open(content);
    return client.hover(uri, client.position(uri, piece, { offset }));
  };

  it('on a reference shows its type, what it gathers and carries, and how many cells', async () => {
    expect(await shown('$expert(reward=*)')).toBe(
      [
        '`$expert(reward=*).policy`: policy of `expert` (`soft`)',
        'Gathers:\n- `reward`: `nli` and `rouge`',
        'Carries:\n- `seed`: `0` and `1`',
        '4 cells in all.',
      ].join('\n\n'),
    );
  });
  it('on a reference to one artifact', async () => {
    expect(await shown('$news.train')).toBe(
      '`$news.train`: dataset of `news` (`data/news`)\n\nCarries no axes.\n\n1 cell in all.',
    );
  });
  it('on a param shows its value', async () =>
    expect(await shown('$params.alpha')).toBe('Param `alpha`: `0.1`'));
  it('on an axis shows its values', async () => {
    expect(await shown('$matrix.method')).toBe('Axis `method` of `front`: `soup` and `nli`');
  });
  it('on a stage shows its kind, its cells, its axes and what it gives', async () => {
    const markdown = await shown('  expert:', 3);
    expect(markdown).toContain('Stage `expert` (`soft`): 4 cells');
    expect(markdown).toContain('- `reward`: `nli` and `rouge`\n- `seed`: `0` and `1`');
    expect(markdown).toContain('Gives `$expert.policy` (policy).');
  });
  it('on a setting shows its description and its default', async () => {
    const markdown = await shown('      steps: $', 7);
    expect(markdown).toContain('Updates of the parameters.');
    expect(markdown).toContain('Default: `300`');
  });
  it('on an input shows what it takes', async () => {
    expect(await shown('prompts: $news.train')).toContain('Takes a reference to a dataset.');
  });
  it('on a key of the language shows its description', async () => {
    expect(await shown('needs: [')).toContain('Stages whose cells must be done first');
    expect(await shown('seeds: 2')).toContain('Replicates');
  });
  it('says so where errors hide what a reference carries', async () => {
    const broken = good().replace('[nli, rouge]', '[]');
    expect(await shown('$expert(reward=*)', 1, broken)).toContain(
      'is known once the errors above it are mended',
    );
  });
});

describe('completion', () => {
  const typing = (line: string): string =>
    `${good()}  last:\n    uses: clp\n    matrix: {how: [full]}\n    with:\n${line}\n`;

  it('after `$` at an input offers what fits', async () => {
    expect(await offered(typing('      prompts: $|'))).toEqual([
      '$news.test',
      '$news.train',
      '$news.validation',
      '$matrix.how',
    ]);
  });
  it('after `$` at a setting offers axes and params', async () => {
    expect(await offered(typing('      steps: $|'))).toEqual([
      '$matrix.how',
      '$params.alpha',
      '$params.steps',
    ]);
  });
  it('after `$` in braces', async () => {
    expect(await offered(typing('      sampling: {alpha: $|}'))).toEqual([
      '$matrix.how',
      '$params.alpha',
      '$params.steps',
    ]);
  });
  it('where a list is taken offers gathers', async () => {
    expect(await offered(good().replace('$expert(reward=*).policy}', '$|'))).toEqual(
      ['$expert(*).policy', '$expert(reward=*).policy', '$front(*).policy'].filter(
        (reference) => !reference.startsWith('$front'),
      ),
    );
  });
  it('after a stage offers its outputs', async () => {
    expect(await offered(typing('      reference: $reference.|'))).toEqual(['$reference.model']);
  });
  it('after `(` offers gathers and picks of its axes, and closes what is open', async () => {
    expect(await offered(typing('      rewards: $expert(|'))).toEqual(
      expect.arrayContaining([
        '$expert(reward=*).policy',
        '$expert(reward=nli).policy',
        '$expert(seed=1).policy',
        '$expert(*).policy',
      ]),
    );
    expect(await offered(typing('      rewards: $expert(reward=nli |).policy'))).toEqual([
      '$expert(reward=nli seed=*',
      '$expert(reward=nli seed=0',
      '$expert(reward=nli seed=1',
    ]);
  });
  it('at a setting of the file offers params alone', async () => {
    expect(await offered(good().replace('seeds: 2', 'seeds: $|'))).toEqual([
      '$params.alpha',
      '$params.steps',
    ]);
  });
  it('in a text offers nothing', async () =>
    expect(await offered(good().replace('name: editor', 'name: cost in $ a|'))).toEqual([]));
});

describe('document symbols', () => {
  it('are the params, and the stages with their axes', async () => {
    const uri = await open(good());
    const found = await client.connection.sendRequest<DocumentSymbol[]>('textDocument/documentSymbol', {
      textDocument: { uri },
    });
    expect(found.map(({ name, detail }) => `${name} (${detail ?? ''})`)).toEqual([
      ...['alpha (param)', 'steps (param)', 'news (data/news)', 'reference (sft)', 'expert (soft)'],
      ...['soup (rewarded-soup)', 'front (front)', 'report (report)'],
    ]);
    expect(found[4]?.children?.map(({ name, detail }) => `${name}: ${detail ?? ''}`)).toEqual([
      'reward: nli, rouge',
    ]);
  });
});

describe('rename', () => {
  const renamed = async (piece: string, offset: number, newName: string): Promise<string> => {
    const uri = await open(good());
    const edit = await client.request<WorkspaceEdit>('rename', uri, client.position(uri, piece, { offset }), {
      newName,
    });
    return applied(good(), edit.changes?.[uri] ?? []);
  };

  it.each([
    ['a stage', '$expert(reward=*)', 3, 'specialist', /expert\b/],
    ['a param', '$params.steps', 10, 'updates', /params\.steps/],
    ['an axis', 'reward: [nli', 2, 'objective', /reward[=:]|matrix\.reward/],
  ])('of %s reaches all its uses, and the file stays right', async (_, piece, offset, newName, old) => {
    const changed = await renamed(piece, offset, newName);
    expect(changed).toContain(newName);
    expect(changed.replace(/^ +steps:/m, '')).not.toMatch(old);
    expect(errorsOf(changed)).toEqual([]);
  });

  it.each([
    ['what is no name', '$expert(reward=*)', 3, 'My Expert', 'is no name'],
    ['what is taken', '$expert(reward=*)', 3, 'soup', 'already'],
    ['what is reserved', 'reward: [nli', 2, 'seed', 'reserved'],
  ])('refuses %s', async (_, piece, offset, newName, message) => {
    await expect(renamed(piece, offset, newName)).rejects.toThrow(message);
  });
});

it('the file of these tests is right', () => {
  expect(errorsOf(good())).toEqual([]);
  expect(readFileSync(join(root, 'dist/cli/lsp.js'), 'utf8')).toContain('stdio');
});
