/** `moft check --fix` in a real process: what it writes, what it shows, and when it leaves a file alone. */
import { chmodSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mend } from '../../cli/mend.js';
import type { Diagnostic } from '../../runner/pipeline.js';
import { Project } from './moft.js';

const wrong = `name: "wrong
params: {first: 1}
stages:
  one:
    uses: test/summ # a comment stays
    matrix: {value: [1, 2]}
    with: {value: $matrix.valeu}
  all:
    uses: test/sum
    with: {value: 007, numbers: $one(value=*).smu}
`;
const right = wrong
  .replace('"wrong', '"wrong"')
  .replace('summ', 'sum')
  .replace('valeu', 'value')
  .replace('007', '7')
  .replace('smu', 'sum');

let project: Project;
beforeAll(() => {
  project = new Project(right);
});
afterAll(() => project.close());

const textOf = (name: string): string => readFileSync(join(project.folder, name), 'utf8');

describe('check --fix', () => {
  it('mends all that has a fix, keeps comments and permissions, and shows each change', async () => {
    project.write('wrong.yaml', wrong);
    chmodSync(join(project.folder, 'wrong.yaml'), 0o640);
    const { code, stdout, stderr } = await project.run('check', 'wrong.yaml', '--fix');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(textOf('wrong.yaml')).toBe(right);
    expect(statSync(join(project.folder, 'wrong.yaml')).mode & 0o777).toBe(0o640);
    expect(stdout).toContain(
      '  -     uses: test/summ # a comment stays\n  +     uses: test/sum # a comment stays\n',
    );
    expect(stdout.match(/^ {2}fixed: /gm)).toHaveLength(5);
    expect(stdout).toContain('wrong: no errors');
    expect(readdirSync(project.folder).filter((name) => name.startsWith('wrong.yaml'))).toEqual([
      'wrong.yaml',
    ]);
  });

  it('mends what it can and says what is left', async () => {
    project.write(
      'partly.yaml',
      right.replace('test/sum\n', 'test/smu\n').replace('value: 7', 'value: none'),
    );
    const { code, stdout, stderr } = await project.run('check', 'partly.yaml', '--fix');
    expect(code).toBe(2);
    expect(stdout).toContain('fixed: write `test/sum`');
    expect(stderr).toContain('found the text "none"');
    expect(stderr).toContain('1 error');
    expect(textOf('partly.yaml')).toContain('value: none');
  });

  it('writes nothing where no error has a fix', async () => {
    const text = right.replace('value: 7', 'value: none');
    project.write('none.yaml', text);
    const { code, stderr } = await project.run('check', 'none.yaml', '--fix');
    expect(code).toBe(2);
    expect(stderr).toContain('nothing was written');
    expect(textOf('none.yaml')).toBe(text);
  });

  it('does nothing to a file without errors, and gives JSON', async () => {
    project.write('right.yaml', right);
    expect((await project.run('check', 'right.yaml', '--fix')).stdout).toContain('no errors');
    expect(textOf('right.yaml')).toBe(right);
    project.write('json.yaml', wrong);
    const { stdout } = await project.run('check', 'json.yaml', '--fix', '--json');
    const told = JSON.parse(stdout) as { ok: boolean; fixed: { title: string }[]; errors: unknown[] };
    expect(told).toMatchObject({ ok: true, errors: [] });
    expect(told.fixed.map(({ title }) => title)).toContain('write `7`');
  });

  it('offers the fixes to scripts', async () => {
    project.write('offers.yaml', wrong);
    const { stdout } = await project.run('check', 'offers.yaml', '--json');
    const { errors } = JSON.parse(stdout) as { errors: { fixes?: { edits: object[] }[] }[] };
    expect(errors.map(({ fixes }) => fixes?.length ?? 0).every((count) => count > 0)).toBe(true);
    expect(errors[0]?.fixes?.[0]?.edits).toEqual([
      { line: 1, column: 13, endLine: 1, endColumn: 13, text: '"' },
    ]);
  });
});

describe('mend', () => {
  const place = { file: 'a', line: 1, column: 1, endLine: 1, endColumn: 2 };
  const told = (text: string): Diagnostic => ({
    ...place,
    code: 'x',
    message: text,
    fixes: [{ title: 'write b', edits: [{ place, text: 'b' }] }],
  });

  it('leaves an error alone of which several fixes may be meant', () => {
    const several = (text: string): Diagnostic => {
      const one = told(text);
      return { ...one, fixes: [...(one.fixes ?? []), { title: 'write c', edits: [{ place, text: 'c' }] }] };
    };
    const { text, applied } = mend(
      'a',
      (now) => (now === 'a' ? [several(now)] : []),
      () => 'b',
    );
    expect({ text, applied }).toEqual({ text: 'a', applied: [] });
  });

  it('keeps no fix that leaves as many errors', () => {
    const { text, applied, left } = mend(
      'a',
      (now) => [told(now)],
      () => 'b',
    );
    expect({ text, applied, left: left.length }).toEqual({ text: 'a', applied: [], left: 1 });
  });
});
