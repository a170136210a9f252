/** Numbers as text with a fixed number of digits. */
import { expect, it } from 'vitest';
import { fixed } from '../../stages/statistics/fixed.js';

it.each([
  [-0.004, 2, '0.00'],
  [-0.006, 2, '-0.01'],
  [0, 1, '0.0'],
  [-2.25, 1, '-2.3'],
] as const)('%d with %d digits is %s, and nothing is minus zero', (value, digits, text) => {
  expect(fixed(value, digits)).toBe(text);
});
