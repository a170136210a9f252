/** gc, pin and doctor as a person uses them, on the store of a real run. */
import { chmodSync, existsSync, readFileSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { sha256 } from '../../schemas/json.js';
import { Project } from './moft.js';

const sums = `
name: sums
stages:
  one:
    uses: test/sum
    matrix: {value: [1, 2]}
    with: {value: $matrix.value}
  all:
    uses: test/sum
    with: {value: 3, numbers: $one(value=*).sum}
`;

let project: Project;
beforeEach(async () => {
  project = new Project(sums);
  onTestFinished(() => project.close());
  expect(await project.run('run', 'p.yaml')).toMatchObject({ code: 0 });
});

/** Blobs and records as if they were two days old. */
function age(): void {
  const past = new Date(Date.now() - 48 * 3_600_000);
  for (const folder of ['cas', 'records'])
    for (const name of readdirSync(join(project.folder, '.moft', folder), {
      recursive: true,
      encoding: 'utf8',
    }))
      utimesSync(join(project.folder, '.moft', folder, name), past, past);
}

interface Eviction {
  readonly cells: readonly string[];
  readonly seconds: number;
}

describe('gc', () => {
  it('shows what is at stake and removes nothing', async () => {
    age();
    const shown = await project.run('gc', '--max-size', '0B');
    expect(shown).toMatchObject({ code: 0, stderr: '' });
    expect(shown.stdout).toMatch(/3 results would be given up; running them again takes/);
    expect(shown.stdout).toContain('one/value=1');
    expect(shown.stdout).toContain('the same command with --yes');
    const { evictions } = await project.json<{ evictions: Eviction[] }>('gc', '--max-size', '0B');
    expect(evictions.flatMap(({ cells }) => cells).sort()).toEqual(['all', 'one/value=1', 'one/value=2']);
    expect(await project.json('plan', 'p.yaml')).toMatchObject({ counts: { hit: 3 } });
  });

  it('would take no more than what ended runs left of a store without waste', async () => {
    const { stdout } = await project.run('gc');
    expect(stdout).toMatch(/^would go +1 file .* left by ended runs$/m);
    expect(stdout).toContain('to remove it: the same command with --yes');
    expect(stdout).not.toMatch(/would go +\d+ blob/);
  });

  it('names second results where nothing else goes', async () => {
    const folder = join(project.folder, '.moft', 'records');
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    const [record = ''] = names.filter((name) => /[0-9a-f]{64}\.json$/.test(name));
    const text = readFileSync(join(folder, record), 'utf8').trimEnd();
    const second = text.replace(/"seconds":[^,}]+/, '"seconds":12345');
    expect(second).not.toBe(text);
    writeFileSync(join(folder, dirname(record), `${sha256(second)}.json`), `${second}\n`);
    age();
    const { stdout } = await project.run('gc');
    expect(stdout).toMatch(/^would go +1 second result +never served$/m);
    expect(stdout).toContain('to remove them: the same command with --yes');
    const { stdout: removed } = await project.run('gc', '--yes');
    expect(removed).toBe('removed 1 second result and 1 file left by ended runs\n');
    expect((await project.run('gc')).stdout).toContain('nothing to remove');
  });

  it('with --yes removes, and the next run makes it again', async () => {
    age();
    const removed = await project.run('gc', '--max-size', '0B', '--yes');
    expect(removed).toMatchObject({ code: 0 });
    expect(removed.stdout).toMatch(/^removed \d+ blobs?, /);
    expect(await project.json('plan', 'p.yaml')).toMatchObject({ counts: { hit: 0 } });
    expect(await project.run('run', 'p.yaml')).toMatchObject({ code: 0 });
    expect(await project.json('plan', 'p.yaml')).toMatchObject({ counts: { hit: 3 } });
  });

  it('keeps what is pinned', async () => {
    expect(await project.run('pin', 'one/value=2')).toMatchObject({ code: 0 });
    age();
    const { evictions } = await project.json<{ evictions: Eviction[] }>('gc', '--max-size', '0B');
    expect(evictions.flatMap(({ cells }) => cells).sort()).toEqual(['all', 'one/value=1']);
    expect(await project.json('pin')).toMatchObject([{ cells: ['one/value=2'] }]);
    expect(await project.run('pin', 'one/value=2', '--remove')).toMatchObject({ code: 0 });
    expect(await project.json('pin')).toEqual([]);
  });

  it('takes young things, too, where no age is asked for', async () => {
    const young = await project.run('gc', '--max-size', '0B');
    expect(young.stdout).toMatch(
      /over the limit still: 3 results pinned, in use or too young \(see --min-age\)/,
    );
    for (const none of ['0', '0s']) {
      const { evictions } = await project.json<{ evictions: Eviction[] }>(
        ...['gc', '--max-size', '0B', '--min-age', none],
      );
      expect(evictions).toHaveLength(3);
    }
  });

  it('says how sizes and times are written', async () => {
    expect(await project.run('gc', '--max-size', '5')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('20GiB') as string,
    });
    expect(await project.run('gc', '--min-age', '5')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('24h') as string,
    });
  });
});

describe('doctor', () => {
  it('finds a whole store well', async () => {
    const { code, stdout } = await project.run('doctor');
    expect(code).toBe(0);
    expect(stdout).toContain('all is as it should be');
  });

  it('puts a corrupt blob aside, and the run after that makes it again', async () => {
    const { artifacts } = await project.json<{ artifacts: { path: string }[] }>('show', 'one/value=1');
    const blob = artifacts[0]?.path ?? '';
    chmodSync(blob, 0o644);
    writeFileSync(blob, '7\n');
    const found = await project.run('doctor');
    expect(found).toMatchObject({ code: 1 });
    expect(found.stdout).toContain('corrupt-blob');
    expect(existsSync(blob)).toBe(false);
    const counts = await project.json<{ counts: { hit: number } }>('plan', 'p.yaml');
    expect(counts.counts.hit).toBe(1);
    expect(await project.run('run', 'p.yaml')).toMatchObject({ code: 0 });
    expect((await project.run('doctor', '--json')).code).toBe(0);
  });
});
