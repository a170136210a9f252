/** Low-rank adapters in training and on disk. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ArtifactRef } from '../../runner/contract.js';
import { startEngine } from '../../stages/backend/engine.js';
import { writeDataset } from '../../stages/data/dataset.js';
import sft from '../../stages/kinds/sft.js';
import {
  adapted,
  adaptersOf,
  freshFactors,
  initialWeights,
  loadAdapter,
  mapTensors,
  parseConfig,
  saveAdapter,
  saveModel,
} from '../../stages/lm/index.js';
import { linearsOf } from '../../stages/lm/lora.js';
import { architectureOf } from '../../stages/lm/config.js';
import { openModel } from '../../stages/policy/open-model.js';
import { Random } from '../../stages/random.js';
import { folderArtifact, output, runKind } from '../kinds/run.js';
import { tinyModel, valuesOf } from '../policy/tiny.js';

let scratch: string;
beforeAll(async () => {
  await startEngine('wasm');
  scratch = await mkdtemp(join(tmpdir(), 'moft-lora-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const llama = parseConfig(
  JSON.stringify({
    model_type: 'llama',
    ...{ vocab_size: 13, hidden_size: 8, intermediate_size: 12, num_hidden_layers: 1 },
    ...{ num_attention_heads: 2, num_key_value_heads: 1, max_position_embeddings: 16 },
  }),
  'llama',
);
const t5 = parseConfig(
  JSON.stringify({
    model_type: 't5',
    vocab_size: 13,
    d_model: 8,
    d_kv: 4,
    d_ff: 12,
    num_layers: 1,
    num_heads: 2,
  }),
  't5',
);

describe('an adapter', () => {
  it.each([
    [tinyModel().config, 'attention', ['attn.c_attn', 'attn.c_proj']],
    [tinyModel().config, 'all', ['attn.c_attn', 'attn.c_proj', 'mlp.c_fc', 'mlp.c_proj']],
    [llama, 'attention', ['q_proj', 'k_proj', 'v_proj', 'o_proj']],
    [llama, 'all', ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj']],
    [t5, 'attention', ['q', 'k', 'v', 'o', 'q', 'k', 'v', 'o', 'q', 'k', 'v', 'o']],
  ] as const)('adapts the products that it names (%#)', (config, targets, wanted) => {
    const names = linearsOf(architectureOf(config), targets).map(({ name }) => name);
    expect(names.every((name, i) => name.endsWith(`.${wanted[i] ?? '?'}`))).toBe(true);
    expect(names).toHaveLength(wanted.length);
    expect(new Set(names).size).toBe(names.length);
  });

  it('changes nothing before it is trained, and by scale B A afterwards, in either layout', () => {
    for (const config of [llama, tinyModel().config]) {
      const base = initialWeights(config, new Random(0, 'base'));
      const adapters = adaptersOf(config, { rank: 3, alpha: 6, targets: 'all' });
      const fresh = freshFactors(adapters, new Random(0, 'adapter'));
      const at = (factors: typeof fresh): Record<string, number[]> =>
        valuesOf(adapted(base, adapters, [{ share: 1, factors }]));
      for (const [name, values] of Object.entries(at(fresh))) expect(values).toEqual(valuesOf(base)[name]);
      const factors = mapTensors(fresh, (tensor) => tensor.add(0.1));
      const found = at(factors);
      const flat = valuesOf(factors);
      for (const { name, inputs, outputs, turned } of adapters.linears) {
        const [a = [], b = []] = ['A', 'B'].map((which) => flat[`${name}.lora_${which}.weight`] ?? []);
        const before = valuesOf(base)[`${name}.weight`] ?? [];
        for (let i = 0; i < inputs; i++)
          for (let o = 0; o < outputs; o++) {
            const at = turned ? o * inputs + i : i * outputs + o;
            const sum = [0, 1, 2].reduce((s, r) => s + (b[o * 3 + r] ?? NaN) * (a[r * inputs + i] ?? NaN), 0);
            const wanted = (before[at] ?? NaN) + 2 * sum;
            expect(Math.abs((found[`${name}.weight`]?.[at] ?? NaN) - wanted), name).toBeLessThan(1e-6);
          }
      }
    }
  });

  it('is read as it was written, and refused where it means something else', async () => {
    const adapters = adaptersOf(llama, { rank: 2, alpha: 8, targets: 'attention' });
    const factors = freshFactors(adapters, new Random(1, 'adapter'));
    const folder = join(scratch, 'adapter');
    await saveAdapter(folder, llama, { adapters, factors });
    const find = (name: string): string => join(folder, name);
    const read = await loadAdapter(find, llama);
    expect(read.adapters).toEqual(adapters);
    expect(valuesOf(read.factors)).toEqual(valuesOf(factors));
    const settings = JSON.parse(await readFile(find('adapter_config.json'), 'utf8')) as object;
    const refuses = async (change: object, message: string | RegExp): Promise<void> => {
      await writeFile(find('adapter_config.json'), JSON.stringify({ ...settings, ...change }));
      await expect(loadAdapter(find, llama)).rejects.toThrow(message);
    };
    await refuses({ use_dora: true }, 'has use_dora true, which is not supported; expected false');
    await refuses({ peft_type: 'IA3' }, 'has peft_type "IA3", which is not supported; expected "LORA"');
    await refuses({ modules_to_save: ['lm_head'] }, 'has modules_to_save ["lm_head"]');
    await refuses({ rank_pattern: { q_proj: 4 } }, 'has a rank_pattern, which is not supported');
    for (const init of ['pissa', 'pissa_niter_4', 'olora', 'OLoRA', 'corda', 'loftq', 'lora_ga'])
      await refuses({ init_lora_weights: init }, `has init_lora_weights "${init}", which is not supported`);
    await refuses({ alora_invocation_tokens: [1, 2] }, 'has alora_invocation_tokens [1,2]');
    await refuses({ layer_replication: [[0, 2]] }, 'has layer_replication [[0,2]]');
    await refuses({ r: 4 }, /lora_A\.weight is \[2,8\], expected \[4,8\]/);
    await writeFile(find('adapter_config.json'), JSON.stringify({ ...settings, use_rslora: true }));
    expect((await loadAdapter(find, llama)).adapters.scale).toBeCloseTo(8 / Math.sqrt(2), 12);
    for (const init of [true, false, null, 'gaussian', 'eva', 'orthogonal', 'mica']) {
      const written = JSON.stringify({ ...settings, init_lora_weights: init, layer_replication: null });
      await writeFile(find('adapter_config.json'), written);
      expect((await loadAdapter(find, llama)).adapters).toEqual(adapters);
    }
    await expect(loadAdapter(find, tinyModel().config)).rejects.toThrow('the model no such product');
    await expect(loadAdapter(() => undefined, llama)).rejects.toThrow('found neither');
  });
});

describe('sft with adapters', () => {
  let base: ArtifactRef;
  let data: ArtifactRef;
  beforeAll(async () => {
    await saveModel(join(scratch, 'base'), tinyModel());
    base = await folderArtifact('model', join(scratch, 'base'));
    const rows = ['a b', 'b', 'a'].map((prompt, i) => ({ id: `row-${i}`, prompt, response: 'b a' }));
    await writeDataset(join(scratch, 'data'), { rows });
    data = await folderArtifact('dataset', join(scratch, 'data'));
  });

  const settings = { steps: 30, batch: 3, learning_rate: 0.05, log_every: 1 };

  it('moves the adapted weights alone, writes both, and goes on from what it wrote', async () => {
    const lora = { rank: 2, alpha: 4, targets: 'all' };
    const ran = await runKind(sft, { with: { ...settings, lora }, inputs: { data, base } });
    const losses = ran.events.flatMap((event) =>
      event.type === 'metric' && event.name === 'loss' ? [event.value] : [],
    );
    expect(losses.at(-1)).toBeLessThan(0.5 * (losses[0] ?? NaN));
    const [before, after] = [await openModel(base), await openModel(output(ran, 'model'))];
    const adapters = adaptersOf(before.config, { rank: 2, alpha: 4, targets: 'all' });
    const names = new Set(adapters.linears.map(({ name }) => `${name}.weight`));
    for (const [name, values] of Object.entries(valuesOf(after.weights))) {
      const old = valuesOf(before.weights)[name];
      if (names.has(name)) expect(values, name).not.toEqual(old);
      else expect(values, name).toEqual(old);
    }
    const adapter = output(ran, 'adapter');
    const read = await loadAdapter((name) => adapter.files?.[name], before.config);
    const merged = adapted(before.weights, read.adapters, [{ share: 1, factors: read.factors }]);
    for (const [name, values] of Object.entries(valuesOf(merged)))
      expect(values, name).toEqual(valuesOf(after.weights)[name]);
    expect(ran.metric('trained_parameters')).toBe(
      adapters.linears.reduce((sum, { inputs, outputs }) => sum + 2 * (inputs + outputs), 0),
    );

    const further = await runKind(sft, {
      with: { ...settings, steps: 1 },
      inputs: { data, base, adapter },
    });
    expect(further.metric('loss')).toBeLessThan(0.5 * (losses[0] ?? NaN));
  });
});
