import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, sha256, type JsonObject } from '../../schemas/json.js';
import { keyOf, toKey } from '../../runner/store/index.js';

const json = fc
  .dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ maxDepth: 3 }))
  .map((value) => value as JsonObject);

const shuffled = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(shuffled)
    : typeof value === 'object' && value !== null
      ? Object.fromEntries(
          Object.entries(value)
            .reverse()
            .map(([name, member]) => [name, shuffled(member)]),
        )
      : value;

describe('keyOf', () => {
  it('is the hash of the tag and the canonical text', () => {
    const preimage = { b: [1, 'x'], a: { c: null } };
    expect(keyOf(preimage)).toBe(sha256('moft-cell-1\0{"a":{"c":null},"b":[1,"x"]}'));
  });

  it('does not depend on the order in which members were written', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(keyOf(shuffled(value) as JsonObject)).toBe(keyOf(value));
      }),
    );
  });

  it('differs wherever the canonical text differs', () => {
    fc.assert(
      fc.property(json, json, (a, b) => {
        expect(keyOf(a) === keyOf(b)).toBe(canonicalJson(a) === canonicalJson(b));
      }),
    );
  });

  it('survives being written to a file and read again', () => {
    fc.assert(
      fc.property(json, (value) => {
        const clean = JSON.parse(canonicalJson(value)) as JsonObject;
        expect(keyOf(JSON.parse(JSON.stringify(clean)) as JsonObject)).toBe(keyOf(clean));
      }),
    );
  });
});

describe('toKey', () => {
  it('takes 64 lower-case hexadecimal digits only', () => {
    const key = keyOf({});
    expect(toKey(key)).toBe(key);
    for (const text of [key.toUpperCase(), key.slice(1), `${key}0`, `../${key.slice(3)}`, '', 5, undefined]) {
      expect(toKey(text)).toBeUndefined();
    }
  });
});
