import { chmodSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunSummary } from '../../runner/execute/execution.js';
import { sha256 } from '../../schemas/json.js';
import { filesBelow, one, Shop } from './rig.js';

let shop: Shop;
beforeAll(() => {
  shop = new Shop();
});
afterAll(() => shop.close());

const failure = ({ failures }: RunSummary): string =>
  `${failures[0]?.failure.class ?? ''} ${failures[0]?.failure.code ?? ''}: ${failures[0]?.failure.message ?? ''}`;

describe('a command', () => {
  it('leaves its worker as it was, which is used again', async () => {
    const yaml = one('echo told; echo hi > out.txt', '      outputs: {out: {path: out.txt}}\n');
    expect(failure(await shop.run(yaml))).toBe(' : ');
    expect(shop.retired).toEqual([]);
  });

  it('sees the declared files, the documented variables, and nothing else', async () => {
    shop.write('code/tool.sh', 'echo tool\n');
    shop.write('data.txt', 'data\n');
    shop.write('undeclared.txt', '');
    shop.env.DECLARED = 'yes';
    shop.env.HIDDEN = 'no';
    const yaml = one(
      'found=$(find . -type f | sort)\necho "$found" > out.txt\nenv | cut -d= -f1 | sort >> out.txt\nsh code/tool.sh >> out.txt\ncat "$MOFT_INPUT_TABLE" >> out.txt\necho "$MOFT_PARAMS" >> out.txt',
      '      files: [code]\n      inputs: {table: data.txt}\n      params: {b: [1], a: x}\n      outputs: {out: {path: out.txt}}\n',
      '    env: [DECLARED]\n',
    );
    expect(failure(await shop.run(yaml))).toBe(' : ');
    const lines = (await shop.output('a', 'out')).trim().split('\n');
    expect(lines.filter((line) => !['_', 'SHLVL', 'OLDPWD'].includes(line))).toEqual([
      ...['./code/tool.sh', './data.txt'],
      ...[
        'DECLARED',
        'HOME',
        'LANG',
        'MOFT_CHECKPOINT',
        'MOFT_EVENTS',
        'MOFT_INPUT_TABLE',
        'MOFT_OUTPUT_OUT',
        'MOFT_PARAMS',
      ],
      ...['PATH', 'PWD', 'TMPDIR', 'tool', 'data', '{"a":"x","b":[1]}'],
    ]);
  });

  it('sorts and prints in one language, whatever moft is started in, unless its stage says `env: [LANG]`', async () => {
    const script = 'echo "${LANG-unset}" > out.txt';
    const own = one(script, '', '    env: [LANG]\n');
    shop.env.LANG = 'de_DE.UTF-8';
    expect(failure(await shop.run(one(script)))).toBe(' : ');
    expect(await shop.output('a', 'out')).toBe('C.UTF-8\n');
    expect(failure(await shop.run(own))).toBe(' : ');
    expect(await shop.output('a', 'out')).toBe('de_DE.UTF-8\n');
    delete shop.env.LANG;
    expect((await shop.plan(one(script))).counts).toMatchObject({ hit: 1 });
    expect((await shop.plan(own)).counts).toMatchObject({ hit: 0 });
  });

  it('has a scratch HOME, and its own where the stage says so', async () => {
    shop.env.HOME = '/home/of-somebody';
    await shop.run(one('echo "$HOME" > out.txt; ls -A "$HOME" >> out.txt'));
    expect(await shop.output('a', 'out')).toMatch(/^\/.*\/moft-\d+\/[0-9a-f]{16}\.aside\/home\n$/);
    await shop.run(one('echo "$HOME" > out.txt', '', '    env: [HOME]\n'));
    expect(await shop.output('a', 'out')).toBe('/home/of-somebody\n');
    delete shop.env.HOME;
  });

  it('is started by nothing but a run: check and plan look its programs up and start none', async () => {
    const told = join(shop.folder, 'started');
    const tool = shop.write('bin/spy', `#!/bin/sh\necho started >> ${told}\n`);
    chmodSync(tool, 0o755);
    shop.env.PATH = `${join(shop.folder, 'bin')}:${process.env.PATH ?? ''}`;
    const yaml = one('spy; echo hi > out.txt');
    expect(shop.check(yaml)).toEqual([]);
    expect((await shop.plan(yaml)).cells[0]?.preimage?.programs).toHaveProperty('spy');
    expect(existsSync(told)).toBe(false);
    expect(failure(await shop.run(yaml))).toBe(' : ');
    expect(existsSync(told)).toBe(true);
  });

  it('has inputs of its own: what it writes to them reaches neither the store nor the project', async () => {
    const data = shop.write('own.txt', 'data\n');
    const yaml = `name: p\nstages:\n  m:\n    uses: shell\n    with: {run: 'echo made > o', outputs: {o: {path: o}}}\n  a:\n    uses: shell\n    with:\n      run: 'for f in "$MOFT_INPUT_X" "$MOFT_INPUT_Y"; do echo more >> "$f"; cat "$f" >> o; done'\n      inputs: {x: $m.o, y: own.txt}\n      outputs: {o: {path: o}}\n`;
    expect(failure(await shop.run(yaml))).toBe(' : ');
    expect(await shop.output('a', 'o')).toBe('made\nmore\ndata\nmore\n');
    expect(await shop.output('m', 'o')).toBe('made\n');
    expect(readFileSync(data, 'utf8')).toBe('data\n');
    expect((await shop.plan(yaml)).counts).toMatchObject({ hit: 2 });
  });

  it('sees the graphics cards that it was given, in no key', async () => {
    const print = (more: string): string =>
      one(
        `echo "\${CUDA_VISIBLE_DEVICES-unset}" > out.txt # ${more === '' ? 'none' : 'some'}`,
        '      outputs: {out: {path: out.txt}}\n',
        more,
      );
    expect(failure(await shop.run(print('    resources: {gpu: 1}\n')))).toBe(' : ');
    expect(await shop.output('a', 'out')).toBe('4\n');
    expect(failure(await shop.run(print('')))).toBe(' : ');
    expect(await shop.output('a', 'out')).toBe('unset\n');
    const { counts } = await shop.plan(print('    resources: {gpu: 2}\n'));
    expect(counts.hit).toBe(1);
  });

  it('has a key of its text, files, inputs, variables and programs; a copied or touched file changes none', async () => {
    shop.write('f.sh', 'echo 1\n');
    const yaml = one('sh f.sh > out.txt', '      files: [f.sh]\n      outputs: {out: {path: out.txt}}\n');
    const key = async (text: string): Promise<string | undefined> => (await shop.plan(text)).cells[0]?.key;
    const first = await key(yaml);
    shop.write('f.sh', 'echo 1\n');
    expect(await key(yaml)).toBe(first);
    shop.write('f.sh', 'echo 2\n');
    expect(await key(yaml)).not.toBe(first);
    const tool = shop.write('bin/tool', '#!/bin/sh\necho one\n');
    chmodSync(tool, 0o755);
    shop.env.PATH = `${join(shop.folder, 'bin')}:${process.env.PATH ?? ''}`;
    const started = one('tool > out.txt');
    const before = await key(started);
    writeFileSync(tool, '#!/bin/sh\necho two\n');
    expect(await key(started)).not.toBe(before);
  });

  it('counts each of several programs of one name, and by its file where they are alike', async () => {
    const tools = ['v1', 'v2'].map((version) => shop.write(`${version}/train`, '#!/bin/sh\necho one\n'));
    for (const tool of tools) chmodSync(tool, 0o755);
    const train = async (): Promise<string | undefined> =>
      (await shop.plan(one(`${tools.join(' a > out.txt; ')} b`))).cells[0]?.preimage?.programs?.train;
    const found = [await train()];
    expect(found).toEqual([sha256('#!/bin/sh\necho one\n')]);
    for (const tool of tools) {
      writeFileSync(tool, '#!/bin/sh\necho two\n');
      found.push(await train());
    }
    expect(new Set(found).size).toBe(3);
  });

  it('counts the name of what it reads in place, and whether that may be executed', async () => {
    const key = async (name: string): Promise<string | undefined> => {
      const yaml = one(
        'echo "$MOFT_INPUT_X" > out.txt',
        `      snapshot: false\n      inputs: {x: ${name}}\n      outputs: {out: {path: out.txt}}\n`,
      );
      return (await shop.plan(yaml)).cells[0]?.key;
    };
    const [tsv] = ['place/x.tsv', 'place/x.csv', 'elsewhere/x.tsv'].map((name) => shop.write(name, 'a\n'));
    const first = await key('place/x.tsv');
    expect(await key('elsewhere/x.tsv')).toBe(first);
    expect(await key('place/x.csv')).not.toBe(first);
    chmodSync(tsv ?? '', 0o755);
    expect(await key('place/x.tsv')).not.toBe(first);
  });

  it('gets a seed where its stage says `seeds`, and not from the file', async () => {
    const script = 'echo "${MOFT_SEED-none}" > out.txt';
    await shop.run(`seeds: 2\n${one(script)}`);
    expect(await shop.output('a', 'out')).toBe('none\n');
    await shop.run(one(script, '', '    seeds: [3]\n'));
    expect(await shop.output('a/seed=3', 'out')).toBe('3\n');
  });

  it('reads references of other stages, one or gathered', async () => {
    const yaml = `${one('echo one > out.txt')}  b:
    uses: shell
    matrix: {n: [1, 2]}
    with: {run: 'cat "$MOFT_INPUT_X" > o; echo "$MOFT_PARAMS" >> o', params: {n: $matrix.n}, inputs: {x: $a.out}, outputs: {o: {path: o}}}
  c:
    uses: shell
    with: {run: 'cat "$MOFT_INPUT_ALL"/0 "$MOFT_INPUT_ALL"/1 > o; grep -c coordinates "$MOFT_INPUT_ALL/items.json" >> o', inputs: {all: $b(n=*).o}, outputs: {o: {path: o}}}
`;
    expect(failure(await shop.run(yaml))).toBe(' : ');
    expect(await shop.output('c', 'o')).toBe('one\n{"n":1}\none\n{"n":2}\n2\n');
    const again = await shop.run(yaml);
    expect(again.counts).toMatchObject({ ran: 0, hit: 4 });
  });
});

describe('what goes wrong is said, with its class', () => {
  it.each([
    ['an exit code', 'echo why >&2; exit 3', /^user exit-code: .*exit code 3\nwhy/],
    ['a line that fails', 'false\necho hi > out.txt', /^user exit-code: .*exit code 1;/],
    ['an unset variable', 'echo "$NOTHING"', /^user exit-code: .*NOTHING/s],
    ['a missing program', 'no-such-program', /^user exit-code: .*127 \(a program was not found/],
    ['a kill from outside', 'kill -9 $$', /^infrastructure killed: .*SIGKILL/],
    ['a crash', 'kill -SEGV $$', /^user signal: .*SIGSEGV/],
    ['want of memory', 'echo "MemoryError" >&2; exit 1', /^resource out-of-memory/],
    [
      'want of memory of a runtime that aborts',
      'echo "heap out of memory"; for i in 1 2 3 4; do echo "$i: a place in its stack"; done; kill -ABRT $$',
      /^resource out-of-memory/,
    ],
    [
      'something else than the memory that it told of before',
      'echo "out of memory, half the batch"; for i in 1 2 3 4; do echo going on; done; exit 1',
      /^user exit-code/,
    ],
    ['want of disk', 'echo "x: No space left on device" >&2; exit 1', /^environment disk-full: .*TMPDIR/],
    [
      'want of disk that it only told of on its way',
      'echo "x: No space left on device, trying another"; printf "1\\n2\\n3\\n"; exit 1',
      /^user exit-code/,
    ],
    ['a path that is read-only', 'echo "x: Read-only file system" >&2; exit 1', /^user exit-code/],
    ['a missing output', 'true', /^user output-missing: .*out\.txt/],
    ['an output of the wrong sort', 'mkdir out.txt', /^user output-invalid: .*is a folder/],
    ['an output that leads out', 'ln -s /etc/passwd out.txt', /^user output-outside: .*passwd/],
    ['a folder that leads out', 'ln -s /etc x; ln -s x/passwd out.txt', /^user output-outside/],
    ['a fifo', 'mkfifo out.txt', /^user output-invalid: .*neither/],
    [
      'a huge event',
      `head -c 70000 /dev/zero | tr '\\0' x >> "$MOFT_EVENTS"; echo > out.txt`,
      /^user event: line 1 .*65536/,
    ],
    [
      'a number that is none',
      `echo '{"type":"metric","name":"m","value":NaN,"step":1}' >> "$MOFT_EVENTS"; echo > out.txt`,
      /^user event: line 1 .*NaN/,
    ],
    [
      'an event of no type',
      `echo '{"name":"loss"}' >> "$MOFT_EVENTS"; echo > out.txt`,
      /^user event: line 1 of MOFT_EVENTS has no `type`; it is one of metric, progress, log, note, sample, judgment, artifact$/,
    ],
    [
      'an event that lacks a field',
      `echo '{"type":"metric","name":"loss","value":1}' >> "$MOFT_EVENTS"; echo > out.txt`,
      /^user event: .*: a metric needs name, value and step; step is missing$/,
    ],
    [
      'an event with a field of another sort',
      `echo '{"type":"metric","name":"loss","value":"1","step":1}' >> "$MOFT_EVENTS"; echo > out.txt`,
      /^user event: line 1 .*`value` of a metric must be number, found "1": write 1 without quotes$/,
    ],
  ])('%s', async (_, script, expected) => {
    expect(failure(await shop.run(one(script)))).toMatch(expected);
  });

  it('an output that is not what its type asks', async () => {
    const yaml = one('mkdir d; echo "{}" > d/front.json', '      outputs: {f: {path: d, type: front}}\n');
    expect(failure(await shop.run(yaml))).toMatch(/^user output-invalid: .*front\.json/);
  });

  it.each([
    ['a path out of the project', '      files: [../x]\n      outputs: {out: {path: o}}\n', 'path-outside'],
    ['an output out of the folder', '      outputs: {out: {path: ../o}}\n', 'output-path'],
    ['a container', '      container: x\n      outputs: {out: {path: o}}\n', 'container'],
    ['no outputs', '      outputs: {}\n', 'no-outputs'],
    ['two names for one variable', '      outputs: {a-b: {path: o}, a_b: {path: p}}\n', 'variable-name'],
  ])('%s, before anything runs', (_, more, code) => {
    expect(shop.check(one('true', more)).map((found) => found.code)).toEqual([code]);
  });

  it('a declared file that is a link out of the project, in the plan', async () => {
    symlinkSync('/etc/passwd', join(shop.folder, 'link'));
    const yaml = one('true', '      files: [link]\n      outputs: {out: {path: o}}\n');
    await expect(shop.plan(yaml)).rejects.toThrow('path-outside');
  });
});

describe('output', () => {
  it('of any bytes is kept as it is, and events are heard without time or seq of their own', async () => {
    const script = `printf '\\377\\000\\001' > out.txt; head -c 200000 /dev/zero; echo '{"type":"metric","name":"m","value":2,"step":1,"seq":99}' >> "$MOFT_EVENTS"`;
    expect(failure(await shop.run(one(script)))).toBe(' : ');
    expect(Buffer.from(await shop.log('a'), 'latin1')).toHaveLength(200_000);
    expect(shop.events.filter(({ type }) => type === 'metric')).toMatchObject([
      { name: 'm', value: 2, seq: 1 },
    ]);
  });

  it('that names the working folder is noted; nobody else may enter that', async () => {
    await shop.run(one('pwd > out.txt; ls -ld . .. | cut -c1-10 >> out.txt'));
    expect(shop.notes().join()).toMatch(/holds the path of its working folder/);
    const [path = '', ...modes] = (await shop.output('a', 'out')).trim().split('\n');
    expect(path).toMatch(/\/moft-\d+\/[0-9a-f]{16}$/);
    expect(modes).toEqual(['drwx------', 'drwx------']);
    expect(existsSync(path)).toBe(false);
  });

  it('is taken when a daemon that holds it open has ended', async () => {
    const script = `setsid sh -c 'exec 5> out.txt; echo first >&5; while :; do echo late >&5; done' & while ! grep -q first out.txt; do :; done`;
    expect(failure(await shop.run(one(script)))).toBe(' : ');
    const text = await shop.output('a', 'out');
    expect(text.startsWith('first\n')).toBe(true);
    expect(shop.notes().join()).toMatch(/detached from itself/);
  });
});

describe('a secret', () => {
  const secret = 'p"ss w/rd+?é-12345';
  /** May stand in the name of a file. */
  const plain = 'secret-0123456789';
  const base64 = Buffer.from(secret).toString('base64');
  const forms = [
    secret,
    base64,
    base64.slice(0, -4),
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
  ];

  function expectNowhere(): void {
    const files = filesBelow(join(shop.folder, '.moft'));
    expect(files.length).toBeGreaterThan(10);
    const found = files.flatMap(({ path, bytes }) =>
      forms.filter((form) => bytes.includes(form)).map((form) => `${path}: ${form}`),
    );
    expect(found).toEqual([]);
  }

  it('reaches the command and no file of the store, however it is printed', async () => {
    shop.env.TOKEN = secret;
    const script = [
      'test "$(printf %s "$TOKEN" | wc -c)" -gt 10',
      'for i in 1 2 3 4 5 6 7 8 9; do printf %s "$TOKEN" | cut -c$i | tr -d "\\n"; done; printf %s "$TOKEN" | cut -c10-',
      'echo "$TOKEN" >&2; printf %s "x$TOKEN" | base64; printf %s "$TOKEN" | base64',
      `printf '{"type":"log","level":"info","text":"%s"}\\n' "$(printf %s "$TOKEN" | tr -d '"')$(printf %s "$TOKEN" | base64)" >> "$MOFT_EVENTS"`,
      'echo fine > out.txt; echo "$TOKEN" > "$MOFT_CHECKPOINT/state"',
    ].join('\n');
    expect(failure(await shop.run(one(script, '', '    secrets: [TOKEN]\n')))).toBe(' : ');
    expect(await shop.log('a')).toContain('***');
    expectNowhere();
  });

  it.each([
    ['as it is', 'printf %s "$TOKEN" > out.txt'],
    ['in base64', 'printf %s "user:$TOKEN" | base64 > out.txt'],
    [
      'URL-encoded',
      `python3 -c 'import os,urllib.parse; print(urllib.parse.quote(os.environ["TOKEN"]))' > out.txt`,
    ],
    ['in base64 of several lines', 'printf "%050d%s" 0 "$TOKEN" | base64 > out.txt'],
    ['far into a large file', 'head -c 1048570 /dev/zero > out.txt; printf %s "$TOKEN" >> out.txt'],
  ])('in an output, %s, fails the cell and is not kept', async (_, script) => {
    expect(failure(await shop.run(one(script, '', '    secrets: [TOKEN]\n')))).toMatch(
      /^user secret-in-output: .*TOKEN/,
    );
    expectNowhere();
  });

  it.each([
    [
      'a file of an output',
      'mkdir out; touch "out/run-$TOKEN"',
      /^user secret-in-output: out\/run-\*\*\* .*TOKEN/,
    ],
    [
      'what a link leads to',
      'mkdir "$HOME/to-$TOKEN"; ln -s "$HOME/to-$TOKEN" out',
      /^user output-outside: .*to-\*\*\*/,
    ],
    [
      'a fifo',
      'mkdir out; mkdir out/d; mkfifo "out/d/x-$(printf %s "$TOKEN" | base64)"',
      /^user secret-in-output: .*\*\*\*/,
    ],
  ])('in the name of %s is not in the message about it', async (_, script, expected) => {
    shop.env.TOKEN = plain;
    const outputs = '      outputs: {out: {path: out, type: directory}}\n';
    const end = failure(await shop.run(one(script, outputs, '    secrets: [TOKEN]\n')));
    expect(end).toMatch(expected);
    expect(end).not.toContain(plain);
    const files = filesBelow(join(shop.folder, '.moft'));
    expect(files.filter(({ bytes }) => bytes.includes(plain)).map(({ path }) => path)).toEqual([]);
  });

  it('that is not set, or too short to be masked, is said', async () => {
    shop.env.SHORT = 'abc';
    expect(failure(await shop.run(one('true', '', '    secrets: [SHORT]\n')))).toMatch(
      /SHORT has fewer than 4/,
    );
    shop.env.SHORT = 'abc  \n';
    expect(failure(await shop.run(one('true;', '', '    secrets: [SHORT]\n')))).toMatch(
      /SHORT has fewer than 4/,
    );
    expect(failure(await shop.run(one('true', '', '    secrets: [UNSET]\n')))).toMatch(/UNSET is not set/);
  });
});

describe('`link: true`', () => {
  it('shares inputs, and a command that writes to one fails and spoils no other', async () => {
    const make = `name: p\nstages:\n  m:\n    uses: shell\n    with: {run: 'echo good > o', outputs: {o: {path: o}}}\n`;
    const read = (script: string): string =>
      `${make}  a:\n    uses: shell\n    with: {run: '${script}', link: true, inputs: {x: $m.o}, outputs: {o: {path: o}}}\n`;
    expect((await shop.run(read('cat "$MOFT_INPUT_X" > o'))).counts).toMatchObject({ failed: 0 });
    const bad = await shop.run(read('chmod 644 "$MOFT_INPUT_X"; echo bad > "$MOFT_INPUT_X"; echo x > o'));
    expect(failure(bad)).toMatch(/^user input-changed/);
    const again = await shop.run(read('cat "$MOFT_INPUT_X" > o'));
    expect(again.counts).toMatchObject({ ran: 1, failed: 0 });
    expect(await shop.output('m', 'o')).toBe('good\n');
  });
});
