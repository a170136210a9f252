import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkHuggingFaceModel } from '../../stages/lm/oracle.js';

const folder = '../shared/oracles/hf';
const present = existsSync(folder);
if (!present) console.warn(`skipped: no ${folder}; parity with Transformers is not checked`);

describe.skipIf(!present)('a model saved by Transformers', () => {
  it('has the same logits, greedy tokens, loss and gradients as GPT-2 there', async () => {
    const groups = await checkHuggingFaceModel(`${folder}/gpt2`);
    expect(groups.map(({ group }) => group)).toEqual(['logits', 'greedy', 'loss', 'gradient_l2']);
    for (const { group, error, tolerance } of groups) expect(error, group).toBeLessThanOrEqual(tolerance);
  });

  it.each(['llama', 'qwen2', 't5'])('of another architecture (%s) is refused by its name', async (name) => {
    await expect(checkHuggingFaceModel(`${folder}/${name}`)).rejects.toThrow(
      /cannot run a model with model_type "\w+"/,
    );
  });
});
