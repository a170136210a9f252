/** The state of a project's code beside its runs. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Project } from './moft.js';

interface Kept {
  readonly run: string;
  readonly source?: { readonly commit: string; readonly branch: string; readonly dirty: boolean };
  readonly diff?: string;
}

const pipeline = `
name: p
stages:
  one: {uses: test/sum, with: {value: 1}, secrets: [OWN_WORD]}
`;
const secrets = { OWN_WORD: 'correct horse', HF_TOKEN: 'battery staple' };

let project: Project;
const git = (...args: string[]): string =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], {
    cwd: project.folder,
    encoding: 'utf8',
  }).trim();

beforeEach(() => {
  project = new Project(pipeline);
  git('init', '-q', '-b', 'work');
  for (const name of ['notes.txt', '.env', 'data.bin', 'config.py']) project.write(name, 'before\n');
  project.write('.gitignore', '.moft\n');
  git('add', '.');
  git('commit', '-q', '-m', 'all');
});
afterEach(() => project.close());

async function run(...args: string[]): Promise<Kept> {
  const { code, stderr } = await project.start(['run', 'p.yaml', ...args], { env: secrets }).ended;
  expect({ code, stderr }).toMatchObject({ code: 0 });
  const [newest] = await project.json<Kept[]>('ls');
  if (!newest) throw new Error('no run is listed');
  return newest;
}

describe('a run in a git repository', () => {
  it('keeps commit and branch, and no diff where there is none', async () => {
    const { source, diff } = await run();
    expect(source).toMatchObject({ commit: git('rev-parse', 'HEAD'), branch: 'work', dirty: false });
    expect(diff).toBeUndefined();
    const { stdout } = await project.run('show', 'one');
    expect(stdout).toContain(`  source    ${git('rev-parse', 'HEAD').slice(0, 12)} on work\n`);
  });

  it('keeps what was not committed: text as git shows it, binary files by name, secrets masked', async () => {
    project.write('notes.txt', 'after: correct horse\nthen battery staple\nY29ycmVjdCBob3JzZQ==\n');
    project.write('data.bin', '\0\x01\x02'.repeat(100));
    project.write('.env', 'WHAT=ever\n');
    project.write(
      'config.py',
      `tokenizer = AutoTokenizer()\nAPI_TOKEN=abcdefghij\nclient(api_key="0123456789")\nx = "hf_${'a'.repeat(34)}"\n`,
    );
    const { run: id, diff } = await run();
    const text = readFileSync(diff ?? '', 'utf8');
    expect(text).toContain('+after: ***\n+then ***\n+***Q==\n');
    expect(text).toMatch(/^Binary files a\/data\.bin and b\/data\.bin differ$/m);
    expect(text).toContain('diff --git a/.env b/.env\n[left out: by its name it holds secrets]\n');
    expect(text).toContain(
      '+tokenizer = AutoTokenizer()\n+API_TOKEN=***\n+client(api_key="***")\n+x = "***"\n',
    );
    const shown = await project.json<Kept>('show', 'one');
    expect(shown).toMatchObject({ run: id, diff, source: { dirty: true } });
    const { stdout } = await project.run('show', 'one');
    expect(stdout).toContain(` on work, and uncommitted changes: ${diff ?? '?'}\n`);
  });

  it.each([
    ['diff.noprefix', 'true'],
    ['diff.mnemonicPrefix', 'true'],
    ['core.quotePath', 'true'],
  ])('leaves secret files out whatever git is told of its heads: %s', async (setting, value) => {
    git('config', setting, value);
    const names = ['.env', 'données/.env', 'a "b/.env', 'of b/.netrc'];
    for (const folder of ['données', 'a "b', 'of b']) mkdirSync(join(project.folder, folder));
    for (const name of names) project.write(name, 'before\n');
    git('add', '.');
    for (const name of names) project.write(name, 'WHAT=ever\n');
    project.write('notes.txt', 'after\n');
    const { diff } = await run();
    const text = readFileSync(diff ?? '', 'utf8');
    expect(text.match(/\[left out/g)).toHaveLength(names.length);
    expect(text).not.toContain('ever');
    expect(text).toContain('diff --git a/données/.env b/données/.env\n');
    expect(text).toContain('+after\n');
  });

  it('leaves out what a secret file was renamed to', async () => {
    const words = 'one\ntwo\nthree\nfour\nfive\n';
    project.write('.env', words);
    git('commit', '-q', '-a', '-m', 'words');
    git('mv', '.env', 'plain.txt');
    project.write('plain.txt', `${words}WHAT=ever\n`);
    const { diff } = await run();
    const text = readFileSync(diff ?? '', 'utf8');
    expect(text).toContain('diff --git a/.env b/plain.txt\n[left out: by its name it holds secrets]\n');
    expect(text).not.toContain('ever');
  });

  it('counts a file that git does not track as a change where the pipeline reads it, and keeps it', async () => {
    project.write('stray.txt', 'nobody reads this\n');
    project.write('ignored.txt', 'nobody is to see this\n');
    project.write('.gitignore', '.moft\nignored.txt\n');
    git('commit', '-q', '-a', '-m', 'ignore');
    expect(await run()).toMatchObject({ source: { dirty: false } });
    const reading = (name: string): string => `  ${name}: {uses: test/copy, with: {data: ./${name}.txt}}\n`;
    project.write('p.yaml', pipeline + reading('fresh') + reading('ignored'));
    git('commit', '-q', '-a', '-m', 'read');
    project.write('fresh.txt', 'password: hunter2hunter2\nnew\n');
    const { source, diff } = await run();
    expect(source).toMatchObject({ commit: git('rev-parse', 'HEAD'), dirty: true });
    const text = readFileSync(diff ?? '', 'utf8');
    expect(text).toContain('+++ b/fresh.txt\n');
    expect(text).toContain('\n+password: ***\n+new\n');
    expect(text).not.toMatch(/stray|nobody/);
  });

  it('cuts what is very long, and keeps nothing for a run that executes nothing', async () => {
    project.write('notes.txt', `${'x'.repeat(99)}\n`.repeat(20_000));
    const { diff } = await run();
    const text = readFileSync(diff ?? '', 'utf8');
    expect(text.length).toBeLessThan((1 << 20) + 100);
    expect(text.endsWith(`+${'x'.repeat(99)}\n[cut after 1 MiB]\n`)).toBe(true);
    expect((await run()).diff).toBeUndefined();
  });
});
