import { statSync } from 'node:fs';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tensor } from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEngine } from '../../stages/backend/engine.js';
import {
  buildTokenizer,
  configJson,
  disposeTensors,
  initialWeights,
  loadModel,
  parseConfig,
  readSafetensors,
  saveModel,
  takeParameters,
  untie,
  writeSafetensors,
} from '../../stages/lm/index.js';
import type { NamedTensors } from '../../stages/lm/types.js';
import { Random } from '../../stages/random.js';
import { largestDifference, randomTensor, tinyConfig } from './support.js';

let folder: string;
beforeAll(async () => {
  await startEngine('wasm');
  folder = await mkdtemp(join(tmpdir(), 'moft-files-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** A safetensors file of one tensor. */
function bytesOf(entry: object, body: Uint8Array): Uint8Array {
  const header = Buffer.from(JSON.stringify({ x: entry }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, body]);
}

describe('safetensors', () => {
  it('come back as they were, whatever the order of names, in the same bytes', async () => {
    const [b, a] = [randomTensor([2, 3], 1), randomTensor([4], 2)];
    await writeSafetensors(join(folder, 'one'), { b, a }, { format: 'pt' });
    await writeSafetensors(join(folder, 'two'), { a, b }, { format: 'pt' });
    const bytes = await readFile(join(folder, 'one'));
    expect(bytes.equals(await readFile(join(folder, 'two')))).toBe(true);
    expect(bytes.readBigUInt64LE() % 8n).toBe(0n);
    const back = await readSafetensors(join(folder, 'one'));
    expect(Object.keys(back).sort()).toEqual(['a', 'b']);
    expect(back['b']?.shape).toEqual([2, 3]);
    expect(largestDifference(back['b']?.dataSync() ?? [], b.dataSync())).toBe(0);
  });

  /** What is read of a file of these bytes. */
  const read = async (bytes: Uint8Array): Promise<NamedTensors> => {
    await writeFile(join(folder, 'weights.safetensors'), bytes);
    return readSafetensors(join(folder, 'weights.safetensors'));
  };

  it('are read from halves and bfloat16', async () => {
    const half = new Uint8Array(Uint16Array.from([0x3c00, 0xc000, 0x3555, 0x0001, 0x7bff, 0xfc00]).buffer);
    const { x } = await read(bytesOf({ dtype: 'F16', shape: [6], data_offsets: [0, 12] }, half));
    expect([...(x?.dataSync() ?? [])]).toEqual([
      1,
      -2,
      Math.fround(0.333251953125),
      2 ** -24,
      65504,
      -Infinity,
    ]);
    const brain = new Uint8Array(Uint16Array.from([0x3f80, 0xc040, 0x0000]).buffer);
    const { x: y } = await read(bytesOf({ dtype: 'BF16', shape: [3, 1], data_offsets: [0, 6] }, brain));
    expect([...(y?.dataSync() ?? [])]).toEqual([1, -3, 0]);
  });

  it('are read from files larger than any array, of which this one has holes', async () => {
    const path = join(folder, 'large');
    const far = 5 * 2 ** 30;
    const head = bytesOf({ dtype: 'F32', shape: [2], data_offsets: [far, far + 8] }, new Uint8Array());
    await writeFile(path, head);
    const file = await open(path, 'r+');
    await file.write(new Float32Array([1.5, -2]), 0, 8, head.length + far);
    await file.close();
    const { x } = await readSafetensors(path);
    await rm(path);
    expect([...(x?.dataSync() ?? [])]).toEqual([1.5, -2]);
  });

  it('are written one by one, however much they are together', async () => {
    const path = join(folder, 'in-turn');
    const [a, b] = [randomTensor([2 ** 10], 1), randomTensor([4], 2)];
    let written = 0;
    const asked = Object.create(b, {
      dataSync: {
        value: () => {
          written = statSync(path).size;
          return b.dataSync();
        },
      },
    }) as typeof b;
    await writeSafetensors(path, { a, b: asked });
    expect(written).toBeGreaterThan(a.size * 4);
    const back = await readSafetensors(path);
    expect(largestDifference(back['b']?.dataSync() ?? [], b.dataSync())).toBe(0);
  });

  it.each([
    [
      'cut short',
      bytesOf({ dtype: 'F32', shape: [2], data_offsets: [0, 8] }, new Uint8Array(4)),
      /x of shape \[2\] does not match its bytes 0-8 of 4/,
    ],
    [
      'of the wrong shape',
      bytesOf({ dtype: 'F32', shape: [3], data_offsets: [0, 8] }, new Uint8Array(8)),
      /does not match its bytes/,
    ],
    [
      'of integers',
      bytesOf({ dtype: 'I64', shape: [1], data_offsets: [0, 8] }, new Uint8Array(8)),
      /has type I64; expected F32, F16 or BF16/,
    ],
    ['of another kind', Buffer.from('PK\u0003\u0004 and so on, a zip'), /its header claims \d+ bytes/],
    ['empty', new Uint8Array(), /0 bytes are too few for a header/],
  ])('%s are refused with the reason', async (_what, bytes, message) => {
    const failure: unknown = await read(bytes).catch((error: unknown) => error);
    expect((failure as Error).message).toMatch(message);
    expect((failure as Error).message).toMatch(
      /weights.safetensors is not a safetensors file that can be read/,
    );
  });
});

describe('config.json', () => {
  const written = configJson(tinyConfig());

  it('comes back as it was and has sorted names', () => {
    expect(parseConfig(written, 'c')).toMatchObject(tinyConfig());
    expect(configJson(parseConfig(written, 'c'))).toBe(written);
  });

  it('is read in the spelling of Transformers 4 and 5, and keeps what it does not know', () => {
    const old = {
      ...(JSON.parse(written) as object),
      torch_dtype: 'float32',
      n_inner: null,
      task_specific_params: { x: 1 },
      summary_type: 'cls',
    };
    const config = parseConfig(JSON.stringify({ ...old, dtype: undefined }), 'c');
    expect(config).toHaveProperty('n_inner', null);
    expect(JSON.parse(configJson(config))).toMatchObject({
      summary_type: 'cls',
      task_specific_params: { x: 1 },
    });
  });

  it.each([
    [
      '{"model_type": "mixtral"}',
      /c.json: cannot run a model with model_type "mixtral"; this version reads "gpt2", "llama", /,
    ],
    [
      '{"model_type": "gpt2", "n_embd": 1.5}',
      /c.json: vocab_size must be an integer of at least 1, found null/,
    ],
    [
      '{"model_type": "gpt2", "scale_attn_by_inverse_layer_idx": true}',
      /scale_attn_by_inverse_layer_idx: true; expected false/,
    ],
    ['[]', /c.json: expected a JSON object/],
    ['{', /c.json: not JSON/],
  ])('%s is refused', (text, message) => {
    expect(() => parseConfig(text, 'c.json')).toThrow(message);
  });

  it('refuses a width that heads do not divide, and an unknown activation', () => {
    expect(() => parseConfig(configJson(tinyConfig({ n_head: 5 })), 'c')).toThrow(
      'n_embd 12 is no multiple of n_head 5',
    );
    const tanh = written.replace('gelu_new', 'tanh');
    expect(() => parseConfig(tanh, 'c')).toThrow(
      'activation_function "tanh"; expected gelu_new, gelu_pytorch_tanh, gelu, relu, silu, swish',
    );
  });
});

it('rope_scaling that is empty leaves what rope_parameters says', () => {
  const json = {
    model_type: 'llama',
    ...{ vocab_size: 13, hidden_size: 8, intermediate_size: 12, num_hidden_layers: 1 },
    ...{ num_attention_heads: 2, num_key_value_heads: 1, max_position_embeddings: 16, rope_scaling: {} },
    rope_parameters: { rope_type: 'linear', rope_theta: 500, factor: 2 },
  };
  expect(parseConfig(JSON.stringify(json), 'c')).toMatchObject({ rope_parameters: json.rope_parameters });
});

describe('a model folder', () => {
  const tokenizer = buildTokenizer(['a b c d e f']);
  const config = tinyConfig();
  const t5Config = parseConfig(
    JSON.stringify({
      model_type: 't5',
      ...{ vocab_size: 13, d_model: 8, d_kv: 4, d_ff: 12, num_layers: 1, num_heads: 2 },
    }),
    't5',
  );

  const names = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];
  const files =
    (name: string) =>
    (file: string): string | undefined =>
      names.includes(file) ? join(folder, name, file) : undefined;

  it('comes back as it was, tied and untied, and is written in the same bytes', async () => {
    const weights = initialWeights(config, new Random(0, 'x'));
    for (const [name, model] of Object.entries({
      tied: { config, weights },
      untied: untie(config, weights),
    })) {
      await saveModel(join(folder, name), { ...model, tokenizer });
      const back = await loadModel(files(name));
      expect(back.config).toMatchObject(model.config);
      expect(Object.keys(back.weights).sort()).toEqual(Object.keys(model.weights).sort());
      expect(back.tokenizer.vocabulary).toEqual(tokenizer.vocabulary);
      await saveModel(join(folder, `${name} again`), back);
      for (const file of names) {
        const [one, two] = [join(folder, name, file), join(folder, `${name} again`, file)];
        expect((await readFile(one)).equals(await readFile(two)), file).toBe(true);
      }
    }
  });

  it.each([
    ['T5', t5Config, 'decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight'],
    ['GPT-2', config, 'transformer.h.0.crossattention.bias'],
  ])('of %s may have a tensor that Transformers passes over', (_, written, extra) => {
    const weights = initialWeights(written, new Random(0, 'x'));
    const shapes = Object.keys(weights);
    const taken = takeParameters(written, { ...weights, [extra]: randomTensor([4], 1) }, 'a file');
    expect(Object.keys(taken.weights)).toEqual(shapes);
    const other = extra.replace('.0.', '.1.x');
    expect(() => takeParameters(written, { ...weights, [other]: randomTensor([4], 1) }, 'a file')).toThrow(
      `a file: ${other} is no parameter of a model of this type`,
    );
  });

  it('that is called tied keeps an output layer that is no copy of the embedding', () => {
    const weights = initialWeights(config, new Random(0, 'x'));
    const table = weights['transformer.wte.weight'] as Tensor;
    const taken = (head: Tensor): ReturnType<typeof takeParameters> =>
      takeParameters(config, { ...weights, 'lm_head.weight': head }, 'a file');
    const other = taken(table.add(1));
    expect(other.config.tie_word_embeddings).toBe(false);
    expect(other.weights['lm_head.weight']).toBeDefined();
    const copy = taken(table.clone());
    expect(copy.config.tie_word_embeddings).not.toBe(false);
    expect(copy.weights['lm_head.weight']).toBeUndefined();
  });

  it.each(['U8', 'BOOL'])('may have a mask of attention in %s, as older files of GPT-2 do', async (dtype) => {
    await saveModel(join(folder, 'masked'), {
      config,
      weights: initialWeights(config, new Random(0, 'x')),
      tokenizer,
    });
    const bytes = await readFile(join(folder, 'masked', 'model.safetensors'));
    const length = Number(bytes.readBigUInt64LE());
    const body = bytes.subarray(8 + length);
    const mask = { dtype, shape: [1, 1, 2, 2], data_offsets: [body.length, body.length + 4] };
    const header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as object;
    const written = Buffer.from(JSON.stringify({ ...header, 'transformer.h.0.attn.bias': mask }));
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(written.length));
    const whole = Buffer.concat([size, written, body, Buffer.alloc(4, 1)]);
    await writeFile(join(folder, 'masked', 'model.safetensors'), whole);
    const { weights } = await loadModel(files('masked'));
    expect(Object.keys(weights)).toEqual(Object.keys(initialWeights(config, new Random(0, 'x'))));
  });

  it('whose files do not fit each other is refused by name', async () => {
    const weights = initialWeights(config, new Random(0, 'x'));
    await saveModel(join(folder, 'bad'), { config, weights, tokenizer });
    await writeFile(join(folder, 'bad', 'config.json'), configJson(tinyConfig({ n_positions: 30 })));
    await expect(loadModel(files('bad'))).rejects.toThrow(
      /model.safetensors: transformer.wpe.weight has shape \[24, 12\]; expected \[30, 12\]/,
    );
    await writeFile(join(folder, 'bad', 'config.json'), configJson(tinyConfig({ vocab_size: 12 })));
    await expect(loadModel(files('bad'))).rejects.toThrow(
      /tokenizer.json has 11 tokens, .*config.json says 12/,
    );
    disposeTensors(weights);
  });
});
