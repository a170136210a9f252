import { describe, expect, test } from 'vitest';
import { philox, Random } from '../../stages/random.js';

const hex = (words: readonly number[]) => words.map((word) => word.toString(16).padStart(8, '0')).join(' ');

/** Mean and variance of n draws. */
function moments(n: number, draw: () => number): { mean: number; variance: number } {
  const values = Array.from({ length: n }, draw);
  const mean = values.reduce((a, b) => a + b, 0) / n;
  return { mean, variance: values.reduce((a, b) => a + (b - mean) ** 2, 0) / n };
}

describe('philox4x32-10 equals the known answers of Random123', () => {
  test.each([
    [[0, 0, 0, 0], [0, 0], '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      '408f276d 41c83b0e a20bc7c6 6d5451fd',
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      'd16cfe09 94fdcceb 5001e420 24126ea1',
    ],
  ])('counter %j, key %j', (counter, key, expected) => {
    expect(hex(philox(counter, key))).toBe(expected);
  });
});

describe('a stream', () => {
  test('is a function of seed and purpose', () => {
    const draw = (seed: number, purpose: string) => {
      const random = new Random(seed, purpose);
      return Array.from({ length: 9 }, () => random.uint32());
    };
    expect(draw(1, 'order')).toEqual(draw(1, 'order'));
    expect(draw(1, 'order')).not.toEqual(draw(2, 'order'));
    expect(draw(1, 'order')).not.toEqual(draw(1, 'weights'));
  });

  test('goes on from a saved state, whatever was drawn in between', () => {
    const random = new Random(3, 'resume');
    random.dirichlet(3, 0.5);
    const saved = random.state;
    const expected = [random.normal(), random.gamma(2), random.uniform()];
    random.state = saved;
    expect([random.normal(), random.gamma(2), random.uniform()]).toEqual(expected);
  });

  test('has the moments of its distributions', () => {
    const random = new Random(7, 'moments');
    const n = 40_000;
    const uniform = moments(n, () => random.uniform());
    expect(uniform.mean).toBeCloseTo(0.5, 2);
    expect(uniform.variance).toBeCloseTo(1 / 12, 2);
    const normal = moments(n, () => random.normal());
    expect(normal.mean).toBeCloseTo(0, 1);
    expect(normal.variance).toBeCloseTo(1, 1);
    for (const shape of [0.3, 1, 4]) {
      const gamma = moments(n, () => random.gamma(shape));
      expect(Math.abs(gamma.mean - shape)).toBeLessThan(0.05);
      expect(Math.abs(gamma.variance - shape)).toBeLessThan(0.2);
    }
  });

  test('a Dirichlet draw of which nothing is left but rounding takes every corner alike', () => {
    const random = new Random(13, 'dirichlet');
    const first = Array.from({ length: 4000 }, () => random.dirichlet(2, 0.001)[0] ?? NaN);
    expect(Math.abs(first.reduce((a, b) => a + b, 0) / 4000 - 0.5)).toBeLessThan(0.03);
  });

  test('categorical draws follow the probabilities and never an impossible outcome', () => {
    const random = new Random(9, 'categorical');
    const probabilities = [0.1, 0, 0.6, 0.3, 0];
    const counts = probabilities.map(() => 0);
    for (let i = 0; i < 20_000; i++) {
      const index = random.categorical(probabilities);
      counts[index] = (counts[index] ?? 0) + 1;
    }
    counts.forEach((count, i) => {
      expect(Math.abs(count / 20_000 - (probabilities[i] ?? 0))).toBeLessThan(0.015);
    });
    expect(counts[1]).toBe(0);
    expect(counts[4]).toBe(0);
  });

  test('a shuffle keeps every item', () => {
    const items = Array.from({ length: 50 }, (_, i) => i);
    const shuffled = new Random(1, 'shuffle').shuffle(items);
    expect(shuffled).not.toEqual(items);
    expect([...shuffled].sort((a, b) => a - b)).toEqual(items);
  });
});
