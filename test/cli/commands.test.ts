/** Every command in a real process: exit codes, hints, and the JSON that scripts rely on. */
import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Project } from './moft.js';

const sums = `
name: sums
params: {first: 1}
stages:
  one:
    uses: test/sum
    matrix: {value: [1, 2]}
    with: {value: $matrix.value}
  all:
    uses: test/sum
    with: {value: $params.first, numbers: $one(value=*).sum}
`;

let project: Project;
beforeAll(async () => {
  project = new Project(sums);
  project.write(
    'bad.yaml',
    'name: bad\nstages:\n  one:\n    uses: test/summ\n    with: {value: $matrix.x}\n',
  );
  const first = await project.run('run', 'p.yaml');
  expect(first).toMatchObject({ code: 0, stderr: '' });
});
afterAll(() => project.close());

const text = { type: 'string' };
const digest = { type: 'string', pattern: '^[0-9a-f]{64}$' };
const object = (required: Record<string, unknown>, optional: Record<string, unknown> = {}): object => ({
  type: 'object',
  properties: { ...required, ...optional },
  required: Object.keys(required),
  additionalProperties: false,
});
const list = (items: object): object => ({ type: 'array', items });
const map = (values: object): object => ({ type: 'object', additionalProperties: values });
const count = { type: 'integer', minimum: 0 };
const seconds = { type: 'number', minimum: 0 };

function expectShape(value: unknown, schema: object): void {
  const ajv = new Ajv();
  const valid = ajv.validate(schema, value);
  expect(valid ? [] : ajv.errors, JSON.stringify(value)).toEqual([]);
}

const place = { file: text, line: count, column: count };
const edit = { line: count, column: count, endLine: count, endColumn: count };

describe('a warning', () => {
  const place = `lucky.yaml:3:17: warning[unlucky]: 13 brings bad luck
  3 | params: {first: 13}
    |                 ^^
  hint: take 12
  lucky.yaml:11:19: used here
`;

  it('of check, plan and run names its place and what to do, and stops nothing', async () => {
    const lucky = new Project(sums);
    lucky.write('lucky.yaml', sums.replace('first: 1', 'first: 13'));
    const checked = await lucky.run('check', 'lucky.yaml');
    expect(checked).toMatchObject({ code: 0, stderr: place });
    expect(checked.stdout).toBe('sums: no errors, 1 warning; 2 stages, 3 cells\n');
    expect(await lucky.run('plan', 'lucky.yaml')).toMatchObject({ code: 0, stderr: place });
    expect(await lucky.run('run', 'lucky.yaml')).toMatchObject({ code: 0, stderr: place });
    const told = await lucky.json<{ ok: boolean; warnings: object[] }>('check', 'lucky.yaml');
    expect(told).toMatchObject({ ok: true, errors: [], warnings: [{ code: 'unlucky', line: 3 }] });
    lucky.close();
  });
});

describe('JSON', () => {
  it('of check, for a good file and a bad one', async () => {
    const findings = list(
      object(
        { code: text, message: text, ...place, endLine: count, endColumn: count },
        {
          hint: text,
          fixes: list(object({ title: text, edits: list(object({ ...edit, text })) })),
          related: list(object({ message: text, ...place })),
        },
      ),
    );
    const shape = object({ ok: { type: 'boolean' }, errors: findings, warnings: findings });
    expect(await project.json('check', 'p.yaml')).toEqual({ ok: true, errors: [], warnings: [] });
    const bad = await project.json<{ ok: boolean; errors: { file: string; line: number }[] }>(
      'check',
      'bad.yaml',
    );
    expectShape(bad, shape);
    expect(bad.ok).toBe(false);
    expect(bad.errors[0]).toMatchObject({ line: 4 });
  });

  it('of plan', async () => {
    const plan = await project.json<{ counts: object; stages: object[] }>('plan', 'p.yaml');
    const reason = object({ code: text, message: text, changes: { type: 'array' } });
    const cell = object(
      {
        id: text,
        stage: text,
        coordinates: map(text),
        kind: text,
        status: { enum: ['hit', 'run', 'depends'] },
        reason,
        needs: list(text),
      },
      { key: digest, saved_seconds: seconds, expected_seconds: seconds },
    );
    const counts = object({ hit: count, run: count, depends: count });
    const stage = object({
      stage: text,
      kind: text,
      cells: count,
      counts,
      axes: map(list(text)),
      expected_seconds: { anyOf: [seconds, { type: 'null' }] },
      saved_seconds: seconds,
    });
    expectShape(
      plan,
      object({
        pipeline: text,
        cells: list(cell),
        counts,
        stages: list(stage),
        expected: object({
          cores: count,
          seconds,
          least_seconds: seconds,
          most_seconds: seconds,
          critical_path_seconds: seconds,
          work_seconds: seconds,
          unknown_cells: count,
        }),
        saved_seconds: seconds,
        uncacheable: count,
        tainted: count,
      }),
    );
    expect(plan.counts).toEqual({ hit: 3, run: 0, depends: 0 });
    expect(plan.stages).toMatchObject([
      { stage: 'one', cells: 2, counts: { hit: 2 }, axes: { value: ['1', '2'] }, expected_seconds: 0 },
      { stage: 'all', cells: 1, counts: { hit: 1 }, axes: {}, expected_seconds: 0 },
    ]);
  });

  it('of run: events, the last with status, counts, seconds and saved seconds', async () => {
    const { stdout } = await project.run('run', 'p.yaml', '--json');
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    for (const event of events)
      expect(event).toMatchObject({ time: expect.any(Number) as number, run: expect.any(String) as string });
    expect(events.map(({ type }) => type)).toEqual([
      'run-started',
      'cell-finished',
      'cell-finished',
      'cell-finished',
      'run-finished',
    ]);
    expectShape(
      events.at(-1),
      object({
        time: count,
        run: text,
        type: text,
        status: { const: 'done' },
        counts: object({ ran: count, hit: { const: 3 }, failed: count, skipped: count }),
        seconds: { type: 'number' },
        saved_seconds: { type: 'number' },
      }),
    );
  });

  it('of a run that executes: events of the stages are wrapped, the journal has the same lifecycle', async () => {
    const { stdout } = await project.run('run', 'p.yaml', '-p', 'first=5', '--json');
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const log = events.find(({ type }) => type === 'log');
    expect(log).toMatchObject({ cell: 'all', level: 'info', text: 'adding 3 numbers', seq: 1 });
    const lifecycle = events.filter(({ type }) => type !== 'log');
    const file = readFileSync(`${project.folder}/.moft/journal/${String(events[0]?.run)}.jsonl`, 'utf8');
    const journal = file
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(journal.map(({ type, cell }) => [type, cell])).toEqual(
      lifecycle.map(({ type, cell }) => [type, cell]),
    );
    expect(journal.map(({ seq }) => seq)).toEqual(journal.map((_, i) => i + 1));
  });

  it('of show', async () => {
    const shown = await project.json<{ artifacts: { path: string }[] }>('show', 'one/value=2');
    const artifact = object({ name: text, type: text, path: text, digest, bytes: count });
    expectShape(
      shown,
      object({
        id: { const: 'one/value=2' },
        key: digest,
        kind: { const: 'test/sum' },
        coordinates: { const: { value: '2' } },
        params: { const: { value: 2 } },
        inputs: map(digest),
        artifacts: list(artifact),
        seconds: { type: 'number' },
        finished: text,
        run: text,
        environment: { type: 'object' },
        source: { type: 'object' },
      }),
    );
    expect(readFileSync(shown.artifacts[0]?.path ?? '', 'utf8')).toBe('2');
  });

  it('of explain, down to the change in the file', async () => {
    const args = ['explain', 'p.yaml', 'all', '-p', 'first=9'];
    const { status, causes } = await project.json<{ status: string; causes: object[] }>(...args);
    expect(status).toBe('run');
    const changes = [{ what: 'with', name: 'value', after: 9 }];
    expect(causes[0]).toMatchObject({ cell: 'all', reason: { code: 'changed', changes } });
  });

  it('of ls: runs, and the cells of one', async () => {
    const runs = await project.json<{ run: string }[]>('ls');
    expectShape(
      runs,
      list(
        object(
          {
            run: text,
            pipeline: text,
            file: text,
            started: text,
            status: text,
            counts: { type: 'object' },
            source: { type: 'object' },
          },
          { finished: text },
        ),
      ),
    );
    const cells = await project.json('ls', runs.at(-1)?.run ?? '');
    expectShape(
      cells,
      list(
        object({
          id: text,
          kind: text,
          how: { const: 'ran' },
          key: digest,
          seconds: { type: 'number' },
          finished: text,
        }),
      ),
    );
    expect(cells).toHaveLength(3);
  });
});

describe('text', () => {
  it('of plan ends with the counts', async () => {
    const { stdout, code } = await project.run('plan', 'p.yaml');
    expect(code).toBe(0);
    expect(stdout).toMatch(/\nsums: 3 cells: 3 hit, 0 run, 0 depend on what runs\n$/);
  });

  it('of logs is what the cell logged when it ran', async () => {
    const { stdout } = await project.run('logs', 'one/value=1');
    expect(stdout).toMatch(/^\d{4}-.*Z {2}info: adding 1 numbers\n$/);
  });

  it('of a second run says what the store saved', async () => {
    const { stdout } = await project.run('run', 'p.yaml');
    expect(stdout).toMatch(/^sums: done in .*: 0 ran, 3 hit; the store saved .*\nresult: moft show all /);
  });

  it('never carries control characters of a file to the terminal', async () => {
    project.write(
      'esc.yaml',
      'name: "a\\e[31mb\\x07"\nstages:\n  one: {uses: test/sum, with: {value: "\\e]0;x\\x07y"}}\n',
    );
    const { stderr, stdout } = await project.run('check', 'esc.yaml');
    const printable = new RegExp('^[\\n\\t\\u0020-\\u007e\\u00a0-\\uffff]+$');
    expect(stderr + stdout).toMatch(printable);
  });
});

describe('selections', () => {
  it('--until runs what is above, --only needs it in the store', async () => {
    const fresh = new Project(sums);
    try {
      const refused = await fresh.run('run', 'p.yaml', '--only', 'all');
      expect(refused).toMatchObject({ code: 2 });
      expect(refused.stderr).toContain("which the store doesn't have");
      expect(refused.stderr).toContain('hint: use --until');
      const until = await fresh.run('run', 'p.yaml', '--until', 'one/value=1');
      expect(until.stdout).toContain('1 ran, 0 hit');
      const from = await fresh.run('run', 'p.yaml', '--from', 'value=2');
      expect(from.code).toBe(0);
      expect(from.stdout).toContain('2 ran, 1 hit');
    } finally {
      fresh.close();
    }
  });
});

describe('wrong arguments', () => {
  it.each([
    [['chekc'], 'there is no command "chekc"', 'did you mean `moft check`?'],
    [['p.yaml'], 'there is no command "p.yaml"', 'write `moft run p.yaml`'],
    [['run'], 'missing required args for command `run <file>`', 'see `moft run --help`'],
    [['run', 'p.yaml', 'q.yaml'], 'unused args: `q.yaml`', 'see `moft run --help`'],
    [['run', 'p.yml'], 'there is no file p.yml', 'did you mean p.yaml?'],
    [['run', 'none.yaml'], 'there is no file', 'give the path of a pipeline'],
    [['run', 'p.yaml', '--jsn'], 'unknown option `--jsn`', 'did you mean `--json`?'],
    [['worker', 'none.json'], 'there is no job file', 'the runner writes it'],
    [['run', 'p.yaml', '-p', 'first'], '-p expects name=value, found "first"', 'write -p name=value'],
    [['run', 'p.yaml', '--jobs', '0'], '--jobs expects a whole number of at least 1, found "0"', ''],
    [
      ['run', 'p.yaml', '--backend', 'cuda'],
      '--backend expects an engine, found "cuda"',
      'the engines are wasm, tensorflow, webgpu, cpu',
    ],
    [['run', 'p.yaml', '--until', 'two'], 'no cell is named by "two"', 'the candidates are'],
    [
      ['explain', 'p.yaml', 'one'],
      '"one" names 2 cells, expected one',
      'the candidates are one/value=1 one/value=2',
    ],
    [['show', 'nothing'], 'no finished cell is named by "nothing"', 'see `moft ls`'],
    [['ls', 'no-such-run'], 'there is no run "no-such-run"', 'the newest are'],
    [['report', 'p.yaml'], 'there is no report of', 'kind report'],
  ])('%j', async (args, message, hint) => {
    const { code, stderr } = await project.run(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr).toContain(hint);
  });

  it('an option of other commands is not suggested to itself', async () => {
    const { code, stderr } = await project.run('report', 'p.yaml', '--json');
    expect(code).toBe(2);
    expect(stderr).toContain('unknown option `--json`');
    expect(stderr).not.toContain('did you mean `--json`');
  });

  it.each([
    [['check', 'none.yaml'], false, { code: 'arguments' }],
    [['plan', 'bad.yaml'], false, { line: 4 }],
    [['run', 'none.yaml'], true, { code: 'arguments' }],
    [['run', 'bad.yaml'], true, { line: 4 }],
  ])('%j with --json are JSON too', async (args, event, first) => {
    const { code, stdout, stderr } = await project.run(...args, '--json');
    expect(code).toBe(2);
    expect(stderr).not.toBe('');
    const told = JSON.parse(stdout) as { errors: unknown[] };
    expect(told).toMatchObject(event ? { type: 'error' } : { ok: false });
    expect(told.errors[0]).toMatchObject({ message: expect.any(String) as string, ...first });
    if (event) expect(stdout.trim()).not.toContain('\n');
  });

  it('a file with errors', async () => {
    const { code, stderr } = await project.run('run', 'bad.yaml');
    expect(code).toBe(2);
    expect(stderr).toMatch(/bad\.yaml:4:\d+: error\[[a-z-]+\]: /);
    expect(stderr).toMatch(/\d errors?\n$/);
  });

  it('resources that no machine has', async () => {
    project.write(
      'huge.yaml',
      'name: huge\nstages:\n  one: {uses: test/sum, with: {value: 4096}, resources: {cpu: 4096}}\n',
    );
    const { code, stderr } = await project.run('run', 'huge.yaml');
    expect(code).toBe(2);
    expect(stderr).toContain('the stage one asks for cpu 4096, this machine has');
  });
});

describe('help', () => {
  it.each(['check', 'plan', 'run', 'explain', 'show', 'ls', 'logs', 'report', 'worker'])(
    'of %s has an example',
    async (command) => {
      const { code, stdout } = await project.run(command, '--help');
      expect(code).toBe(0);
      expect(stdout).toContain(`$ moft ${command}`);
      expect(stdout).toContain('Examples:');
    },
  );
});
