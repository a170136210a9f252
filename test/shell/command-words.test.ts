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
  [
    'a command behind a here-document',
    'cat > c <<EOF && python3 a.py\n{}\nEOF\nwc c',
    ['cat', 'python3', 'wc'],
  ],
  ['a command behind an empty here-document', 'cat <<EOF | sort\nEOF\nwc c', ['cat', 'sort', 'wc']],
  ['several here-documents in a line', 'cat <<A <<B | sort\na\nA\nb\nB\nwc c', ['cat', 'sort', 'wc']],
  [
    'a here-document behind a line that goes on',
    "cat <<-\\E | \\\n sort\n\tit's\n\tE\nwc c",
    ['cat', 'sort', 'wc'],
  ],
  ['a here-document that ends with two words', 'cat <<"THE END"\nit\'s\nTHE END\nwc c', ['cat', 'wc']],
  ['a here-document that a remark tells of', '# by <<E\npython3 a.py\ncat <<E\nx\nE', ['python3', 'cat']],
  ['a command in a here-document', "cat <<E\nit's $(wc -l < a)\nE\nsort c", ['cat', 'wc', 'sort']],
  ['no command in a literal here-document', "cat <<'E'\n$(wc -l < a)\nE\nsort c", ['cat', 'sort']],
  [
    'options of a word before',
    'env -i A=b python3 a.py; time -p sort; nohup -- gzip',
    ['python3', 'sort', 'gzip'],
  ],
  ['options with a value', 'env -u HOME python3 a.py; exec -a name sort', ['python3', 'sort']],
  ['a word before by its path', '/usr/bin/env -i python3 a.py', ['/usr/bin/env', 'python3']],
  [
    'redirections before a command',
    '2>err python3 a.py\n> "$LOG" wc\n2>&1 <in sort | tee x',
    ['python3', 'wc', 'sort', 'tee'],
  ],
  ['a redirection at the name', 'python3>out a.py', ['python3']],
  [
    'names in quotes',
    `"python3" a.py; '/opt/v1/bin/train'; "/opt/v2"/bin/train`,
    ['python3', '/opt/v1/bin/train', '/opt/v2/bin/train'],
  ],
  [
    'quotes in commands within quotes',
    `n="$(jq -r ".x" f)"; m="$(awk '{print $1}' f | sort)"`,
    ['jq', 'awk', 'sort'],
  ],
  ['a remark that ends like a line that goes on', '# all of it \\\npython3 a.py', ['python3']],
  ['a name that ends with a sign', 'g++ a.cc', ['g++']],
  ['a name that a variable holds', '$PYTHON a.py', []],
];

describe('programs of a script', () => {
  it.each(scripts)('%s', (_, script, programs) => {
    expect(commandWords(script)).toEqual(programs);
  });
});
