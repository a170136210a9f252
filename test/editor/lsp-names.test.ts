/** Finding and renaming names by `moft lsp`, a real process spoken to over its protocol. */
import { describe, expect, it } from 'vitest';
import type { DocumentSymbol, Location, WorkspaceEdit } from 'vscode-languageserver/node';
import { applied, at, errorsOf, good, open, startServer } from './lsp-session.js';

const client = startServer();

describe('go to definition', () => {
  const target = async (piece: string, offset: number): Promise<string[]> => {
    const uri = await open(client, good);
    const found = await client.request<Location[]>(
      'definition',
      uri,
      client.position(uri, piece, { offset }),
    );
    return found.map(({ uri: other, range }) => {
      expect(other).toBe(uri);
      return `${range.start.line + 1}: ${at(good, range)}`;
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
    const uri = await open(client, good);
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
    const uri = await open(client, good + more);
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

describe('document symbols', () => {
  it('are the params, and the stages with their axes', async () => {
    const uri = await open(client, good);
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
    const uri = await open(client, good);
    const edit = await client.request<WorkspaceEdit>('rename', uri, client.position(uri, piece, { offset }), {
      newName,
    });
    return applied(good, edit.changes?.[uri] ?? []);
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
