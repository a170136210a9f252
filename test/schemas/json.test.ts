import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, type Json } from '../../schemas/json.js';

describe('canonical text', () => {
  it('is that of the package `canonicalize`, for any value', () => {
    const value = fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' });
    fc.assert(
      fc.property(value, (json) => {
        expect(canonicalJson(json as Json)).toBe(canonicalize(json));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    [
      'members by code unit, digits among them',
      { b: 1, a: 2, 10: 3, 9: 4, '': 5, '\u20ac': 6, '\ud83d\ude00': 7 },
    ],
    ['numbers as ECMAScript writes them', [-0, 1e21, 1e-7, 0.1, 333333333.33333329, 4.5, 1e30]],
    ['text', ['\u2028 "\\\b\f\n\r\t\u000f/', 'e\u0301']],
    ['nothing', [{}, [], null, true, '']],
  ])('%s', (_name, value) => {
    expect(canonicalJson(value as Json)).toBe(canonicalize(value));
  });

  it('leaves absent members out', () => {
    expect(canonicalJson({ a: undefined, b: 1 } as unknown as Json)).toBe('{"b":1}');
  });

  it.each([NaN, Infinity, -Infinity, '\ud83d', ['\ude00 x'], { '\ud800': 1 }, undefined])(
    'has no form for %j',
    (value) => {
      expect(() => canonicalJson(value as Json)).toThrow(/internal error/);
    },
  );
});
