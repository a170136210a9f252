/** Every hint that can be carried out is: the first fix of a mistake mends the file. */
import { describe, expect, it } from 'vitest';
import { applyFix, formatDiagnostic } from '../../runner/language/index.js';
import type { Diagnostic } from '../../runner/pipeline.js';
import { check, file } from './listing.js';
import { good, type Mistake, mistakes } from './mistakes.js';

const broken = ({ from, to }: Mistake): string => good.replace(from, () => to);

const shown = (text: string, diagnostics: readonly Diagnostic[]): readonly string[] =>
  diagnostics.map((one) => formatDiagnostic(one, text));

describe('the first fix of a mistake', () => {
  it('starts from a file without errors', () => expect(shown(good, check(good).diagnostics)).toEqual([]));

  it.each(mistakes.map((mistake) => [mistake.what, mistake] as const))('mends %s', (_, mistake) => {
    const text = broken(mistake);
    expect(text).not.toBe(good);
    const { diagnostics } = check(text);
    const found = diagnostics.find(({ code }) => code === mistake.code);
    expect(shown(text, diagnostics).join('\n')).toContain(`error[${mistake.code}]`);
    const [fix] = found?.fixes ?? [];
    if (fix === undefined) throw new Error(`no fix: ${shown(text, diagnostics).join('\n')}`);
    const mended = applyFix({ file, text }, fix);
    const left = check(mended).diagnostics;
    const others = diagnostics.length - 1;
    expect(left.length, `${mended}\n${shown(mended, left).join('\n')}`).toBeLessThanOrEqual(others);
    expect(left.filter(({ message }) => message === found?.message)).toEqual([]);
  });

  it('is there for at least 40 kinds of mistakes, most of which cause one error alone', () => {
    expect(new Set(mistakes.map(({ what }) => what)).size).toBe(mistakes.length);
    expect(mistakes.length).toBeGreaterThanOrEqual(40);
    const alone = mistakes.filter((mistake) => check(broken(mistake)).diagnostics.length === 1);
    const others = mistakes.filter((mistake) => !alone.includes(mistake)).map(({ what }) => what);
    expect(others).toEqual([]);
  });
});
