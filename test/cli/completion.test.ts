/** Completion in the real shells. A shell that is not there is skipped, aloud. */
import { spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Project, script } from './moft.js';

const text = `
name: sums
params: {first: 1, second: 2}
stages:
  news: {uses: test/sum}
  one: {uses: test/sum, matrix: {value: [1, 2], way: {full: 1, logits: 2}}, with: {value: $matrix.value}}
`;

let project: Project;
beforeAll(() => {
  project = new Project(text);
  const program = join(project.folder, 'moft');
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${script}' "$@"\n`);
  chmodSync(program, 0o755);
});
afterAll(() => project.close());

const has = (shell: string): boolean => spawnSync(shell, ['--version']).status === 0;

function shell(program: string, args: readonly string[]): string[] {
  const env = { PATH: `${project.folder}:${process.env.PATH ?? ''}`, HOME: project.folder, TERM: 'dumb' };
  const { stdout, stderr } = spawnSync(program, args, { cwd: project.folder, env, encoding: 'utf8' });
  expect(stderr).toBe('');
  return stdout.split('\n').filter((line) => line !== '');
}

/** What bash would put in place of the piece that it replaces, with its own word breaks. */
function inBash(line: string): string[] {
  const code = `
eval "$(moft completion bash)"
compopt() { :; }
COMP_LINE=$1; COMP_POINT=\${#1}; _moft; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return shell('bash', ['--norc', '-c', code, 'bash', line]);
}

function inZsh(line: string): string[] {
  const code = `
compdef() { :; }
eval "$(moft completion zsh)"
compadd() { [[ $1 == -S ]] && shift 2; shift; print -rl -- "$@"; }
_files() { print FILES; }
words=("\${(@s: :)1}"); CURRENT=\${#words}; _moft`;
  return shell('zsh', ['-f', '-c', code, 'zsh', line]);
}

const inFish = (line: string): string[] =>
  shell('fish', ['--no-config', '-c', 'moft completion fish | source; complete -C $argv[1]', '--', line]);

describe('in bash', () => {
  it('commands, and the options of one', () => {
    expect(inBash('moft expl')).toEqual(['explain']);
    expect(inBash('moft plan p.yaml --ce')).toEqual(['--cells']);
  });

  it('ids, though bash breaks words at =: only the piece behind it is replaced', () => {
    expect(inBash('moft explain p.yaml ')).toEqual(['news', 'one/']);
    expect(inBash('moft explain p.yaml one/value=1,')).toEqual(['1,way=full', '1,way=logits']);
    expect(inBash('moft explain p.yaml one/va')).toEqual([
      'one/value=1,way=full',
      'one/value=1,way=logits',
      'one/value=2,way=full',
      'one/value=2,way=logits',
    ]);
    expect(inBash('moft explain p.yaml one/value=2,way=')).toEqual(['full', 'logits']);
    expect(inBash('moft explain p.yaml one/value=2,way=l')).toEqual(['logits']);
    expect(inBash('moft explain p.yaml one/value=')).toEqual([
      '1,way=full',
      '1,way=logits',
      '2,way=full',
      '2,way=logits',
    ]);
  });

  it('patterns, params, names of formats, files', () => {
    expect(inBash('moft run p.yaml --only on')).toEqual([
      'one',
      'one/value=1,way=full',
      'one/value=1,way=logits',
      'one/value=2,way=full',
      'one/value=2,way=logits',
    ]);
    expect(inBash('moft run p.yaml --from on')).toEqual(inBash('moft run p.yaml --only on'));
    expect(inBash('moft plan p.yaml --until one/value=1,way=l')).toEqual(['logits']);
    expect(inBash('moft run p.yaml --from ')).toEqual(['news', 'one', 'one/']);
    expect(inBash('moft run p.yaml -p f')).toEqual(['first=']);
    expect(inBash('moft run p.yaml -pfirst=2 --param=second=3 --until n')).toEqual(['news']);
    expect(inBash('moft graph p.yaml --format s')).toEqual(['svg']);
    expect(inBash('moft run p').sort()).toEqual(['p.yaml', 'package.json']);
    expect(inBash('moft completion z')).toEqual(['zsh']);
  });
});

const zsh = has('zsh');
const fish = has('fish');
if (!zsh) console.warn('SKIPPING completion in zsh: it is not installed');
if (!fish) console.warn('SKIPPING completion in fish: it is not installed');

describe.skipIf(!zsh)('in zsh', () => {
  it('commands, ids and files', () => {
    expect(inZsh('moft expl')).toEqual(['explain']);
    expect(inZsh('moft explain p.yaml ')).toEqual(['news', 'one/']);
    expect(inZsh('moft explain p.yaml one/value=2,way=l')).toEqual(['one/value=2,way=logits']);
    expect(inZsh('moft run p')).toEqual(['FILES']);
  });
});

describe.skipIf(!fish)('in fish', () => {
  it('commands, ids and files', () => {
    expect(inFish('moft expl')).toEqual(['explain']);
    expect(inFish('moft explain p.yaml ')).toEqual(['news', 'one/']);
    expect(inFish('moft explain p.yaml one/value=2,way=l')).toEqual(['one/value=2,way=logits']);
    expect(inFish('moft run p.y').map((line) => line.split('\t')[0])).toEqual(['p.yaml']);
  });
});

it('of a shell that moft does not know', async () => {
  const { code, stderr } = await project.run('completion', 'tcsh');
  expect(code).toBe(2);
  expect(stderr).toContain('the shells are bash, zsh, fish');
});
