import { describe, expect, it } from 'vitest';
import { lowSpanWarning } from '../../stages/rl/lock-in.js';
import { lowSpanAdvice } from '../../stages/statistics/low-span.js';

const figures = (name: string, span: number, inReach?: number): Record<string, number> => ({
  [`train/span/${name}`]: span,
  ...(inReach === undefined ? {} : { [`train/span_in_reach/${name}`]: inReach }),
});

describe('the warning of a low span', () => {
  it('is silent where every objective is steered', () => {
    const steered = { ...figures('nli', 0.9, 1), ...figures('rouge', 0.8, 1), loss: 0.1 };
    expect(lowSpanWarning(steered)).toBeUndefined();
  });

  it('names what is not steered, in the words of the report', () => {
    const warning = lowSpanWarning({ ...figures('nli', 0.3, 0.3), ...figures('rouge', 0.9, 0.9) });
    expect(warning).toBe(lowSpanAdvice('locked-in', 'the policy', '0.30 of nli'));
    expect(warning).toMatch(
      /^the policy is not steered to the ends: span 0\.30 of nli, under 0\.75\. It locked in, or/,
    );
  });

  it('blames the reference where the policy goes as far as its reference writes, or that goes nowhere', () => {
    const warning = lowSpanWarning(figures('rouge', 0.4, 0.9));
    expect(warning).toMatch(
      /^the policy reaches as far as its reference model lets it: span 0\.40 of rouge of the/,
    );
    expect(warning).not.toContain('locked in');
    expect(lowSpanWarning(figures('rouge', 0))).not.toContain('locked in');
  });

  it('fires where the reference lacks a fact and the policy falls short of what is left', () => {
    expect(lowSpanWarning(figures('rouge', 0.2, 0.45))).toContain('It locked in');
  });

  it('tells both apart in one run', () => {
    const lines = lowSpanWarning({ ...figures('nli', 0.2, 0.2), ...figures('rouge', 0.4, 0.9) })?.split('\n');
    expect(lines?.map((line) => line.slice(0, 25))).toEqual([
      'the policy is not steered',
      'the policy reaches as far',
    ]);
  });
});
