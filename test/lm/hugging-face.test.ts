import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkHuggingFaceModel } from '../../stages/lm/oracle.js';

const folder = '../shared/oracles/hf';
const present = existsSync(folder);
if (!present) console.warn(`SKIPPED: no ${folder}; parity with Transformers is not checked`);

describe.skipIf(!present)('a model saved by Transformers', () => {
  const models = ['gpt2', 'llama', 'qwen2', 't5', 't5-v1_1'];

  it.each(models)('has the same logits, greedy tokens, loss and gradients as there: %s', async (name) => {
    const groups = await checkHuggingFaceModel(`${folder}/${name}`);
    expect(groups.map(({ group }) => group)).toEqual(['logits', 'greedy', 'loss', 'gradient_l2']);
    for (const { group, error, tolerance } of groups) expect(error, group).toBeLessThanOrEqual(tolerance);
  });
});
