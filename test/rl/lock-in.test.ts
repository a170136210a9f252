import { describe, expect, it } from 'vitest';
import { lockInWarning } from '../../stages/rl/lock-in.js';

const figures = (name: string, span: number, reach?: number): Record<string, number> => ({
  [`eval/span/${name}`]: span,
  ...(reach === undefined ? {} : { [`eval/reach/${name}`]: reach }),
});

describe('the warning of lock-in', () => {
  it('is silent where every objective is steered', () => {
    expect(
      lockInWarning({ ...figures('nli', 0.9, 1), ...figures('rouge', 0.8, 1), loss: 0.1 }),
    ).toBeUndefined();
  });

  it('names what is locked in, also where its reach is not known', () => {
    expect(lockInWarning({ ...figures('nli', 0.3, 1), ...figures('rouge', 0.9, 1) })).toMatch(
      /^lock-in: the span of nli 0\.30 of the optimum's is below 0\.75; try alpha_schedule/,
    );
    expect(lockInWarning(figures('nli', 0.3))).toMatch(/^lock-in: /);
  });

  it('does not fire where the reference lacks a fact: the policy goes as far as its reference writes', () => {
    const warning = lockInWarning(figures('rouge', 0.4, 0.45));
    expect(warning).not.toContain('lock-in');
    expect(warning).toMatch(
      /^the span of rouge 0\.40 of the optimum's is below 0\.75, and goes as far as the reference/,
    );
    expect(lockInWarning(figures('rouge', 0, 0))).not.toContain('lock-in');
  });

  it('fires where the reference lacks a fact and the policy falls short of what is left', () => {
    expect(lockInWarning(figures('rouge', 0.2, 0.45))).toMatch(/^lock-in: the span of rouge 0\.20/);
  });

  it('tells both apart in one run', () => {
    const lines = lockInWarning({ ...figures('nli', 0.2, 1), ...figures('rouge', 0.4, 0.45) })?.split('\n');
    expect(lines?.map((line) => line.slice(0, 30))).toEqual([
      'lock-in: the span of nli 0.20 ',
      'the span of rouge 0.40 of the ',
    ]);
  });
});
