/** The examples of the help can be typed as they stand. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { kinds } from '../../cli/kinds.js';
import { loadCommands } from '../../cli/main.js';
import { analyze, matchCells } from '../../runner/language/index.js';

const file = fileURLToPath(new URL('../../pipelines/quickstart.yaml', import.meta.url));
const { pipeline } = analyze(
  { file, text: readFileSync(file, 'utf8') },
  { registry: kinds, params: {}, sets: {}, workingFolder: dirname(file), exists: existsSync },
);
const cells = pipeline?.cells ?? [];
const stages = new Set(cells.map(({ stage }) => stage));

/** Words of an example that name a cell: a stage of quickstart, alone or with coordinates; not after an option. */
function cellsIn(example: string): string[] {
  const [, ...words] = example.split(' ');
  return words.filter((word, i) => {
    const isValue = words[i - 1]?.startsWith('-') === true;
    return !isValue && stages.has(word.split('/')[0] ?? '');
  });
}

const named = (await loadCommands()).flatMap(({ examples }) =>
  examples.flatMap((example) => cellsIn(example).map((cell) => [example, cell] as const)),
);

describe('a cell in an example of the help', () => {
  it('is there for every command that takes one', () => {
    expect(new Set(named.map(([example]) => example.split(' ')[0]))).toEqual(
      new Set(['explain', 'show', 'logs', 'report', 'pin', 'push', 'export']),
    );
  });

  it.each(named)('`moft %s`: %s is one cell of quickstart', (_, cell) => {
    expect(matchCells(cells, cell)).toHaveLength(1);
  });
});
