import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ModelConfig } from '../../stages/lm/config.js';
import {
  bpeTokenizer,
  readTokenizer,
  subwordTokenizer,
  type MaskedTokenizer,
} from '../../stages/lm/index.js';
import { tinyConfig } from './support.js';
import variants from './pre-tokenizers.json' with { type: 'json' };
import expected from './tokenizers.json' with { type: 'json' };

const texts = ['low lower lowest', 'new newer newest', 'low new wide', 'Ünïcode é 2019'];
const trained = bpeTokenizer(texts, { vocabulary: 300, reserved: ['<weight:1>'] });

const files = (json: object, settings?: object, template?: string): Readonly<Record<string, string>> => ({
  'tokenizer.json': JSON.stringify(json),
  ...(settings ? { 'tokenizer_config.json': JSON.stringify(settings) } : {}),
  ...(template === undefined ? {} : { 'chat_template.jinja': template }),
});
const ids = { bos: undefined, eos: 1, pad: undefined };

describe.each(expected.tokenizers)('a tokenizer.json of $type', ({ json, cases }) => {
  const tokenizer = subwordTokenizer({ files: files(json), path: 't', model: { vocab_size: 400, ids } });

  it.each(cases)('encodes as Hugging Face does: $text', ({ text, plain, whole }) => {
    expect([...tokenizer.encode(text)]).toEqual(plain);
    if (whole.length > 0) expect([...tokenizer.encodePrompt(text)]).toEqual(whole);
  });

  it.each(cases)('encodes the same without a type, as older files are: $text', ({ text, plain }) => {
    const untyped = files({ ...json, model: { ...json.model, type: undefined } });
    const found = subwordTokenizer({ files: untyped, path: 't', model: { vocab_size: 400, ids } });
    expect([...found.encode(text)]).toEqual(plain);
  });

  it('masks the rows of the embedding that no token has', () => {
    expect(tokenizer.masked).toContain(399);
    expect(tokenizer.masked).not.toContain(tokenizer.eos);
  });

  it('is refused where it has more tokens than the model', () => {
    const model = { vocab_size: 10, ids };
    expect(() => subwordTokenizer({ files: files(json), path: 't', model })).toThrow(
      /tokens, config.json says 10/,
    );
  });
});

describe.each(variants.tokenizers)('a pre-tokenizer $pre_tokenizer', ({ pre_tokenizer, cases }) => {
  const tokens = ['<unk>', '</s>', ...new Set(cases.flatMap((one) => one.pieces))];
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  const json = {
    ...{ added_tokens: [], normalizer: null, post_processor: null, pre_tokenizer },
    decoder: pre_tokenizer.type === 'Metaspace' ? pre_tokenizer : null,
    model: { type: 'BPE', unk_token: '<unk>', ignore_merges: true, vocab, merges: [] },
  };
  const tokenizer = subwordTokenizer({ files: files(json), path: 't', model: { vocab_size: 400, ids } });

  it('splits and joins as Hugging Face does', () => {
    for (const { text, pieces, ...wanted } of cases) {
      const found = tokenizer.encode(text);
      expect(Array.from(found, (id) => tokens[id])).toEqual(pieces);
      if ('decoded' in wanted) expect(tokenizer.decode(found)).toBe(wanted.decoded);
    }
    expect(tokenizer.files).toEqual(files(json));
  });
});

it.each([
  ['a BPE model with a continuing_subword_prefix', 'BPE', { continuing_subword_prefix: '##' }, {}],
  ['a BPE model with dropout', 'BPE', { dropout: 0.1 }, {}],
  ['a Unigram model with byte_fallback', 'Unigram', { byte_fallback: true }, {}],
  ['an added token with single_word, "cat"', 'BPE', {}, { content: 'cat', id: 9, single_word: true }],
])('a tokenizer with %s is refused, which the library would pass over', (what, type, change, added) => {
  const json = expected.tokenizers.find((one) => one.type === type)?.json;
  const changed = { ...json, model: { ...json?.model, ...change }, added_tokens: [added] };
  expect(() =>
    subwordTokenizer({ files: files(changed), path: 't.json', model: { vocab_size: 400, ids } }),
  ).toThrow(`t.json is not a tokenizer that can be read: it has ${what}, which is not supported`);
});

describe('byte pairs of one’s own', () => {
  it('join the commonest pair first, of equals the one that sorts first', () => {
    const merges = (JSON.parse(trained.files['tokenizer.json'] ?? '') as { model: { merges: string[][] } })
      .model.merges;
    // "we" comes 5 times (lower, lowest, newer, newest and none else), "lo" 4, "ow" 4, "ne" 4, "ew" 4.
    const counts = new Map<string, number>();
    for (const word of texts.flatMap((text) => text.normalize('NFC').split(' ')))
      for (let i = 1; i < word.length; i++) {
        const pair = word.slice(i - 1, i + 1);
        counts.set(pair, (counts.get(pair) ?? 0) + 1);
      }
    const most = Math.max(...counts.values());
    const first = [...counts].filter(([, count]) => count === most).map(([pair]) => pair);
    expect(merges[0]?.join('')).toBe(first.sort()[0]);
  });

  it('are the same for the same texts in another order, and no more than asked for', () => {
    const again = bpeTokenizer([...texts].reverse(), { vocabulary: 300, reserved: ['<weight:1>'] });
    expect(again.files).toEqual(trained.files);
    expect(trained.vocabulary.length).toBeLessThanOrEqual(300);
  });

  it('say every text back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), (text) => {
        const clean = text.normalize('NFC');
        fc.pre(!/<(pad|bos|eos|sep|unk|weight:1)>/.test(clean));
        expect(trained.decode(trained.encode(text))).toBe(clean);
      }),
      { numRuns: 200 },
    );
  });

  it('keep reserved tokens whole, mask them, and end prompts with the separator', () => {
    const [weight] = trained.encode('<weight:1>');
    expect(trained.reserved.get('<weight:1>')).toBe(weight);
    expect(trained.masked).toContain(weight);
    expect([...trained.encodePrompt('low')]).toEqual([...trained.encode('low'), trained.sep]);
  });
});

describe('several tokens that end a text', () => {
  const [{ json }] = expected.tokenizers as [(typeof expected.tokenizers)[number]];
  const config = (eos_token_id: unknown): ModelConfig =>
    ({ ...tinyConfig({ vocab_size: 400 }), eos_token_id, pad_token_id: 7 }) as unknown as ModelConfig;
  const opened = async (
    written: Readonly<Record<string, string>>,
    eos: unknown,
  ): Promise<MaskedTokenizer> => {
    const folder = await mkdtemp(join(tmpdir(), 'moft-ends-'));
    for (const [name, text] of Object.entries(written)) await writeFile(join(folder, name), text);
    const find = (name: string): string | undefined => (name in written ? join(folder, name) : undefined);
    const tokenizer = await readTokenizer(find, config(eos));
    await rm(folder, { recursive: true });
    return tokenizer;
  };

  it('are all of them ends, as in Transformers, and none of them is masked, be it the padding too', async () => {
    const tokenizer = await opened(files(json), [5, 7, 9]);
    expect(tokenizer.ends).toEqual([5, 7, 9]);
    expect(tokenizer).toMatchObject({ eos: 5, pad: 7 });
    for (const end of tokenizer.ends) expect(tokenizer.masked).not.toContain(end);
    expect((await opened(files(json), 5)).masked).toContain(7);
  });

  it('and settings of Transformers for generation stay beside the model', async () => {
    const written = { ...files(json), 'generation_config.json': '{"eos_token_id": [5, 7]}' };
    expect((await opened(written, 5)).files).toEqual(written);
  });

  it('stand behind the one that tokenizer_config.json names, which ends texts that are learnt', async () => {
    const { eos } = await opened(files(json, { eos_token: '<|endoftext|>' }), 5);
    const tokenizer = await opened(files(json, { eos_token: '<|endoftext|>' }), [5, eos, 9]);
    expect(tokenizer).toMatchObject({ eos, ends: [eos, 5, 9] });
  });
});

describe('a chat template', () => {
  const [{ json }] = expected.tokenizers as [(typeof expected.tokenizers)[number]];
  const template =
    "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }}{% endfor %}{% if add_generation_prompt %} [assistant]{% endif %}";
  const model = { vocab_size: 400, ids };
  const settings = { bos_token: { content: '<s>' }, eos_token: '<|endoftext|>' };

  it.each([
    ['in a file of its own', files(json, settings, template)],
    ['in tokenizer_config.json', files(json, { ...settings, chat_template: template })],
    ['among named ones', files(json, { ...settings, chat_template: [{ name: 'default', template }] })],
  ])('%s writes the prompt', (_, written) => {
    const tokenizer = subwordTokenizer({ files: written, path: 't', model });
    expect(tokenizer.decode(tokenizer.encodePrompt('say it'))).toBe('<s>[user] say it [assistant]');
    expect(tokenizer.files).toEqual(written);
  });

  it('takes no end of a text for an unknown word, where the files of GPT-2 name it so', () => {
    const both = { ...settings, unk_token: '<|endoftext|>' };
    const tokenizer = subwordTokenizer({ files: files(json, both), path: 't', model });
    expect(tokenizer.unknown).not.toBe(tokenizer.eos);
  });

  const renders = (text: string): string => {
    const tokenizer = subwordTokenizer({ files: files(json, settings, text), path: 't', model });
    return tokenizer.decode(tokenizer.encodePrompt('say it'));
  };

  it('has no clock, as its prompts would be others tomorrow: a date of its own stands', () => {
    const dated =
      "{% if strftime_now is defined %}{% set date = strftime_now('%d %b %Y') %}{% else %}{% set date = '26 Jul 2024' %}{% endif %}{{ date }}";
    expect(renders(dated)).toBe('26 Jul 2024');
    expect(() => renders("{{ strftime_now('%d') }}")).toThrow('its chat template fails');
  });

  it('has the special tokens that no file names but config.json, or special_tokens_map.json names', () => {
    const asks = '{{ bos_token }}|{{ pad_token }}|{{ eos_token }}';
    const render = (written: Readonly<Record<string, string>>): string => {
      const known = { vocab_size: 400, ids: { bos: 0, eos: 1, pad: undefined } };
      return read(subwordTokenizer({ files: { ...files(json), ...written }, path: 't', model: known }));
    };
    const read = (tokenizer: MaskedTokenizer): string =>
      Array.from(tokenizer.encodePrompt(''), (id) => tokenizer.vocabulary[id]).join('');
    const written = files(json, { model_max_length: 1024 }, asks);
    expect(render(written)).toBe('<|endoftext|>||<unk>');
    const map = JSON.stringify({ eos_token: { content: '<|endoftext|>' }, pad_token: '<unk>' });
    expect(render({ ...written, 'special_tokens_map.json': map })).toBe('<|endoftext|>|<unk>|<|endoftext|>');
    const settings = { bos_token: null, eos_token: '<unk>' };
    const both = { ...files(json, settings, asks), 'special_tokens_map.json': map };
    expect(render(both)).toBe('|<unk>|<unk>');
  });

  it('sees no tools and no documents, as in Transformers: none, and not undefined', () => {
    const asks = '{% if tools is not none or documents is not none %}some{% else %}none{% endif %}';
    expect(renders(`${asks}{% if tools is defined %} defined{% endif %}`)).toBe('none defined');
  });

  it('that fails is the model’s, by its path', () => {
    expect(() =>
      subwordTokenizer({ files: files(json, settings, '{% if %}'), path: 't.json', model }),
    ).toThrow(/t.json is not a tokenizer that can be read: its chat template fails/);
  });
});
