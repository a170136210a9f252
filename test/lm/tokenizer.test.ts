import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isWordLevel } from '../../stages/lm/tokenizer.js';
import { bpeTokenizer, buildTokenizer, parseTokenizer, tokenizerJson } from '../../stages/lm/index.js';

const texts = ['Police said a FIRE, a big fire.', 'fire: 2 dead'];

describe('a word tokenizer', () => {
  const tokenizer = buildTokenizer(texts, { reserved: ['<w0>', '<w1>'] });

  it('has the specials, the reserved tokens, then words by frequency and code unit', () => {
    expect(tokenizer.vocabulary.slice(0, 12)).toEqual([
      '<pad>',
      '<bos>',
      '<eos>',
      '<sep>',
      '<unk>',
      '<w0>',
      '<w1>',
      'fire',
      'a',
      ',',
      '.',
      '2',
    ]);
    expect(tokenizer).toMatchObject({ pad: 0, bos: 1, eos: 2, sep: 3, unknown: 4 });
  });

  it('never lets pad, bos, sep and reserved tokens be generated', () => {
    expect([...tokenizer.masked]).toEqual([0, 1, 3, 5, 6]);
    expect([...tokenizer.reserved]).toEqual([
      ['<w0>', 5],
      ['<w1>', 6],
    ]);
  });

  it('lower-cases, splits punctuation off, and keeps special names whole', () => {
    expect(tokenizer.decode(tokenizer.encode('A fire. FIRE'))).toBe('a fire . fire');
    expect([...tokenizer.encode('<w1>fire<eos>')]).toEqual([6, 7, 2]);
    expect([...tokenizer.encode('<w2>')].every((id) => id === 4 || id > 6)).toBe(true);
  });

  it('gives unknown words the unknown token, and shows it', () => {
    expect([...tokenizer.encode('zebra')]).toEqual([4]);
    expect(tokenizer.decode([1, 7, 4, 2])).toBe('fire <unk>');
  });

  it('cuts the vocabulary at its most frequent words', () => {
    const small = buildTokenizer(texts, { maxVocabulary: 7 });
    expect(small.vocabulary).toEqual(['<pad>', '<bos>', '<eos>', '<sep>', '<unk>', 'fire', 'a']);
  });

  it('does not depend on the order of the texts', () => {
    expect(tokenizerJson(buildTokenizer([...texts].reverse(), { reserved: ['<w0>', '<w1>'] }))).toBe(
      tokenizerJson(tokenizer),
    );
  });

  it('reads back any text of its own words', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...tokenizer.vocabulary.slice(7))), (words) => {
        const ids = tokenizer.encode(words.join(' '));
        expect(tokenizer.decode(ids)).toBe(words.join(' '));
        expect(ids.length).toBe(words.length);
      }),
    );
  });
});

describe('one spelling a text', () => {
  const summary = 'north: fear hit north.';
  const listed = 'north : fear hit north .';

  it('is what a tokenizer of words has: what another spacing says comes back as the listed text', () => {
    const tokenizer = buildTokenizer([listed]);
    expect(tokenizer.oneSpelling).toBe(true);
    expect(tokenizer.decode(tokenizer.encode(summary))).toBe(listed);
  });

  it('is not what byte pairs have, which say the text that earns as much and is not listed', () => {
    const tokenizer = bpeTokenizer([listed, listed], { vocabulary: 400, reserved: [] });
    expect(tokenizer.oneSpelling).toBe(false);
    expect(tokenizer.decode(tokenizer.encode(summary))).toBe(summary);
    const letters = Array.from(listed).flatMap((letter) => [...tokenizer.encode(letter)]);
    expect(letters.length).toBeGreaterThan(tokenizer.encode(listed).length);
    expect(tokenizer.decode(letters)).toBe(listed);
  });

  it.each(['new york', 'co-op', 'New'])('is not what a foreign vocabulary of words with %j has', (word) => {
    const tokenizer = buildTokenizer(['new york']);
    const json = tokenizerJson({ ...tokenizer, vocabulary: [...tokenizer.vocabulary, word] });
    expect(parseTokenizer(json, 't').oneSpelling).toBe(false);
    expect(parseTokenizer(tokenizerJson(tokenizer), 't').oneSpelling).toBe(true);
  });
});

describe('tokenizer.json', () => {
  const tokenizer = buildTokenizer([...texts, 'Ünïcode 2019 été'], { reserved: ['<w0>'] });
  const text = tokenizerJson(tokenizer);

  it('comes back as it was', () => {
    const back = parseTokenizer(text, 't');
    expect(back.vocabulary).toEqual(tokenizer.vocabulary);
    expect([...back.masked]).toEqual([...tokenizer.masked]);
    expect(tokenizerJson(back)).toBe(text);
    expect([...back.encode('ÜNÏCODE 2019')]).toEqual([...tokenizer.encode('ünïcode 2019')]);
  });

  it('has the form of a WordLevel model', () => {
    const json = JSON.parse(text) as { model: object; added_tokens: object[] };
    expect(json.model).toMatchObject({
      type: 'WordLevel',
      unk_token: '<unk>',
      vocab: { '<pad>': 0, fire: 6 },
    });
    expect(json.added_tokens[5]).toMatchObject({ id: 5, content: '<w0>', special: true });
    expect(Object.keys(json)).toEqual([
      'version',
      'truncation',
      'padding',
      'added_tokens',
      'normalizer',
      'pre_tokenizer',
      'post_processor',
      'decoder',
      'model',
    ]);
  });

  it.each([
    ['of byte pairs, as in gpt2', { unk_token: null, continuing_subword_prefix: '', vocab: {}, merges: [] }],
    ['of Unigram, as in t5-small', { unk_id: 2, vocab: [['<pad>', 0]] }],
    ['of WordPiece', { unk_token: '[UNK]', max_input_chars_per_word: 100, vocab: {} }],
  ])('without a type, %s, is none of words', (_, model) => {
    expect(isWordLevel(JSON.stringify({ model }))).toBe(false);
    expect(isWordLevel(JSON.stringify({ model: { unk_token: '<unk>', vocab: { '<unk>': 0 } } }))).toBe(true);
  });

  it.each([
    [
      '{"model": {"type": "BPE"}}',
      /t.json is not a tokenizer that can be read: its model is "BPE"; expected "WordLevel"/,
    ],
    ['{"model": {"type": "WordLevel", "vocab": {"a": 0}}}', /its vocabulary lacks <pad>/],
    ['nope', /t.json is not a tokenizer/],
  ])('%s is refused', (bad, message) => {
    expect(() => parseTokenizer(bad, 't.json')).toThrow(message);
  });
});
