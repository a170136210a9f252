/** Which programs a script is said to start: what is missed here is no part of a key. */
import { describe, expect, it } from 'vitest';
import { commandWords } from '../../stages/shell/command-words.js';

const scripts: readonly (readonly [what: string, script: string, programs: readonly string[]])[] = [
  [
    'commands in a row',
    'set -e\npython3 a.py && wc -l < out | sort; gzip out',
    ['set', 'python3', 'wc', 'sort', 'gzip'],
  ],
  [
    'words before a command',
    'if ! grep -q x f; then FOO=1 exec env A=b python3 a.py; fi',
    ['grep', 'python3', 'fi'],
  ],
  ['a quote sign in a remark', "# don't rerun\npython3 train.py\necho 'done'", ['python3', 'echo']],
  [
    'a quote sign in the other quotes',
    `echo "it's on"\npython3 train.py\necho "that's all"`,
    ['echo', 'python3'],
  ],
  ['double quotes in single ones', `echo 'say "'\npython3 a.py\necho '"'`, ['echo', 'python3']],
  ['a sign of remarks in quotes', `echo "# no remark"; python3 a.py`, ['echo', 'python3']],
  ['a sign of remarks in a word', 'echo a#b; python3 a.py', ['echo', 'python3']],
  ['a quote sign behind a backslash', "echo it\\'s; python3 a.py; echo 'x'", ['echo', 'python3']],
  ['a line that goes on', 'python3 \\\n  a.py', ['python3']],
  ['a command within quotes', 'n="$(wc -l < a) lines"; echo $n', ['wc', 'echo']],
  ['a here-document', "cat <<'END' > a.py\nprint('x; rm y')\nEND\npython3 a.py", ['cat', 'python3']],
  ['a name that a variable holds', '$PYTHON a.py', []],
];

describe('programs of a script', () => {
  it.each(scripts)('%s', (_, script, programs) => {
    expect(commandWords(script)).toEqual(programs);
  });
});
