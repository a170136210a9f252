import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { closed, withDefaults } from '../../runner/language/schema.js';
import type { JsonObject } from '../../schemas/json.js';
import { splitsOf } from '../../stages/data/options.js';
import declaration, { type DataJsonlWith } from '../../stages/kinds/data-jsonl.js';
import { run } from '../../stages/kinds/data-jsonl.run.js';
import { countWords } from '../../stages/data/length.js';
import { folderRef, runKind } from './job.js';

const folder = fileURLToPath(new URL('../../../shared/data/scitldr', import.meta.url));
const present = existsSync(folder);
if (!present) console.warn(`skipped: there is no real text at ${folder}`);

interface Pipeline {
  readonly params: Readonly<Record<string, unknown>>;
  readonly stages: { readonly papers: { readonly with: Partial<DataJsonlWith> & { folder: unknown } } };
}

/** What pipelines/scitldr.yaml says about its data, with the defaults of the kind. */
function settings(): DataJsonlWith {
  const text = readFileSync(new URL('../../pipelines/scitldr.yaml', import.meta.url), 'utf8');
  const pipeline = parse(text) as Pipeline;
  expect(pipeline.params.path).toBeNull();
  const { folder: path, ...values } = pipeline.stages.papers.with;
  expect(path).toBe('$params.path');
  return withDefaults(closed(declaration.with), values as JsonObject) as DataJsonlWith;
}

describe.skipIf(!present)('real text', () => {
  it('is read as the pipeline says: splits, references, lengths, and nothing silently', async () => {
    const values = settings();
    const inputs = { folder: folderRef(folder, ['train.jsonl', 'dev.jsonl', 'test.jsonl']) };
    const ran = await runKind(run, {
      ...{ with: values, inputs },
      outputs: splitsOf(values, (name) => name === 'folder'),
    });
    const [train, test] = [await ran.open('train'), await ran.open('test')];
    expect(train.rows).toHaveLength(1992);
    expect(test.rows).toHaveLength(values.documents.test);
    for (const { prompt, response, references } of [...train.rows, ...test.rows]) {
      expect(countWords(prompt)).toBeLessThanOrEqual(values.prompt.words);
      expect(countWords(response ?? '')).toBeLessThanOrEqual(values.response.words);
      expect(references?.[0]?.startsWith(response ?? '?')).toBe(true);
    }
    expect(test.rows.some(({ references }) => (references?.length ?? 0) > 1)).toBe(true);
    expect(ran.events).toContainEqual(
      expect.objectContaining({
        level: 'warning',
        text: expect.stringMatching(/^train: 1992 rows, \d+ prompts cut to 64/) as string,
      }),
    );
  });
});
