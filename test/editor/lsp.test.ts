/** `moft lsp` as an editor meets it: a real process, spoken to over its protocol. */
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DiagnosticSeverity, type CodeAction } from 'vscode-languageserver/node';
import { isPipeline } from '../../cli/lsp/files.js';
import { applied, at, errorsOf, good, open, root, startServer } from './lsp-session.js';

const client = startServer();

/** References offered where `|` stands. */
async function offered(content: string): Promise<string[]> {
  const before = content.slice(0, content.indexOf('|'));
  const uri = await open(client, content.replace('|', ''));
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
    const uri = await open(client, good);
    expect(await client.diagnostics(uri)).toEqual([]);
    const wrong = good.replace('$params.alpha', '$params.alpah').replace('$news.test}', '$soup.policy}');
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
    const mended = await client.change(uri, good);
    expect(await client.diagnostics(uri, (published) => published.version === mended)).toEqual([]);
  });

  it('of a text that keeps changing are those of its last version', async () => {
    const uri = await open(client, good);
    let last = 0;
    for (let round = 0; round < 30; round++)
      last = await client.change(uri, good.replace('seeds: 2', `seeds: x${round}`));
    const found = await client.diagnostics(uri, ({ version }) => version === last);
    expect(found.map(({ message }) => message)).toContainEqual(expect.stringContaining('"x29"'));
  });

  it('relate a wrong param to its uses', async () => {
    const uri = await open(client, good.replace('alpha: 0.1', 'alpha: 1.5'));
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

  it('warn of what may be meant', async () => {
    const uri = await open(
      client,
      `${good}  clp:
    uses: clp
    with: {reference: $reference.model, prompts: $news.train, rewards: [nli, rouge], conditioning: prompt}
`,
    );
    const found = await client.diagnostics(uri);
    expect(found.map(({ code, severity }) => [code, severity])).toEqual([
      ['unseen-tokens', DiagnosticSeverity.Warning],
    ]);
  });

  it('of YAML files of other tools: none', async () => {
    const uri = await open(
      client,
      'stages:\n  - build\n  - test\nbuild:\n  stage: build\n  script: [make]\n',
    );
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
    const wrong = good.replace('uses: rewarded-soup', 'uses: rewarded-soap');
    const uri = await open(client, wrong);
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
    expect(mended).toBe(good);
  });
});

describe('hover', () => {
  const shown = async (piece: string, offset = 1, content = good): Promise<string> => {
    const uri = await open(client, content);
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
  it('shows what ablations add, and where a reference reads their cells', async () => {
    const ablated = `${good.replace('$front(method=soup seed=*)', '$front(*)')}ablations:
  expert:
    one_at_a_time: {short: {steps: 5}, steep: {learning_rate: 0.01}}
`;
    expect(await shown('  expert:', 3, ablated)).toContain(
      'Ablations add:\n- `short`: 4 cells\n- `steep`: 4 cells',
    );
    expect(await shown('$soup.policy', 1, ablated)).toContain(
      '2 cells in all.\n\nIn the ablations `short` and `steep`: its cells there.',
    );
    expect(await shown('$front(*)', 1, ablated)).toContain('- `ablation`: `base`, `short` and `steep`');
    expect(await shown('$news.train', 1, ablated)).not.toContain('blation');
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
    const broken = good.replace('[nli, rouge]', '[]');
    expect(await shown('$expert(reward=*)', 1, broken)).toContain(
      'is known once the errors above it are mended',
    );
  });
});

describe('completion', () => {
  const typing = (line: string): string =>
    `${good}  last:\n    uses: clp\n    matrix: {how: [full]}\n    with:\n${line}\n`;

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
    expect(await offered(good.replace('$expert(reward=*).policy}', '$|'))).toEqual(
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
    expect(await offered(good.replace('seeds: 2', 'seeds: $|'))).toEqual(['$params.alpha', '$params.steps']);
  });
  it('in a text offers nothing', async () =>
    expect(await offered(good.replace('name: editor', 'name: cost in $ a|'))).toEqual([]));
});

it('the file of these tests is right', () => {
  expect(errorsOf(good)).toEqual([]);
  expect(readFileSync(join(root, 'dist/cli/lsp.js'), 'utf8')).toContain('stdio');
});
