/** What there is of cards and tokens, from the command line and moft.yaml, in real runs. */
import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Project } from './moft.js';

function project(pipeline: string): Project {
  const made = new Project(pipeline);
  onTestFinished(() => made.close());
  return made;
}

const judged = `
name: judged
stages:
  a: {uses: test/sum, resources: {gpu: 2, tokens: {judge-rpm: 3}}}
`;

describe('a cell that could never start', () => {
  it.each(['plan', 'run'])('is an error of `moft %s`, with its place and what to write', async (command) => {
    const { code, stderr } = await project(judged).start([command, 'p.yaml'], {
      env: { CUDA_VISIBLE_DEVICES: '7' },
    }).ended;
    expect(code).toBe(2);
    expect(stderr).toContain('p.yaml:4:3: error[resources]: the stage a asks for gpu 2, this machine has 1');
    expect(stderr).toContain('the stage a asks for tokens.judge-rpm 3, this machine has 0');
    expect(stderr).toContain('`--token judge-rpm=N`');
  });

  it('starts where the command line or moft.yaml says that there is enough', async () => {
    const made = project(judged);
    expect((await made.run('plan', 'p.yaml', '--gpu', '0,1', '--token', 'judge-rpm=3')).code).toBe(0);
    made.write('moft.yaml', 'resources: {gpu: [4, GPU-1a-2b], tokens: {judge-rpm: 5}}\n');
    expect((await made.run('run', 'p.yaml')).code).toBe(0);
  });

  it('is none where its result is there', async () => {
    const made = project(judged);
    expect((await made.run('run', 'p.yaml', '--gpu', '0,1', '--token', 'judge-rpm=3')).code).toBe(0);
    const again = await made.run('run', 'p.yaml', '--gpu', 'none');
    expect(again).toMatchObject({ code: 0 });
    expect(again.stdout).toContain('1 hit');
  });
});

describe('graphics cards that the driver lists', () => {
  /** A driver's tool with two cards, or one that fails, first on the PATH of real commands. */
  function withDriver(script: string): { readonly made: Project; readonly env: Record<string, string> } {
    const made = project(`
name: cards
stages:
  one: {uses: shell, matrix: {n: [1, 2, 3]}, resources: {gpu: 1}, with: {run: 'echo "$CUDA_VISIBLE_DEVICES" > out', params: {n: $matrix.n}, outputs: {out: {path: out, type: file}}}}
`);
    made.write('nvidia-smi', `#!/bin/sh\necho "$@" >> "${made.folder}/asked"\n${script}\n`);
    chmodSync(join(made.folder, 'nvidia-smi'), 0o755);
    return { made, env: { PATH: `${made.folder}:${process.env.PATH ?? ''}` } };
  }

  it('are handed out by UUID, one to a cell', async () => {
    const { made, env } = withDriver('echo GPU-aaaa; echo GPU-bbbb; echo "No MIG here"');
    const { code, stderr } = await made.start(['run', 'p.yaml', '-j', '2'], { env }).ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const seen = await Promise.all(
      ['1', '2', '3'].map(async (n) => {
        const { artifacts } = await made.json<{ artifacts: { path: string }[] }>('show', `one/n=${n}`);
        return readFileSync(artifacts[0]?.path ?? '', 'utf8').trim();
      }),
    );
    expect(new Set(seen)).toEqual(new Set(['GPU-aaaa', 'GPU-bbbb']));
    expect(readFileSync(join(made.folder, 'asked'), 'utf8')).toBe('--query-gpu=uuid --format=csv,noheader\n');
  });

  it('are not asked for where all cells are hits', async () => {
    const { made, env } = withDriver('echo GPU-aaaa');
    const run = () => made.start(['run', 'p.yaml'], { env }).ended;
    const codes = [(await run()).code, (await run()).code];
    expect(codes).toEqual([0, 0]);
    expect(readFileSync(join(made.folder, 'asked'), 'utf8')).toBe('--query-gpu=uuid --format=csv,noheader\n');
  });

  it('are none where the driver does not answer, which a cell that needs one says', async () => {
    const { made, env } = withDriver('echo "NVIDIA-SMI has failed"; exit 9');
    const { code, stderr } = await made.start(['plan', 'p.yaml'], { env }).ended;
    expect(code).toBe(2);
    expect(stderr).toContain('the stage one asks for gpu 1, this machine has 0');
  });
});

it('takes the value of a short option without a space', async () => {
  const made = project(
    `${judged}params: {x: 1}\n`.replace('gpu: 2', 'cpu: 2').replace(', tokens: {judge-rpm: 3}', ''),
  );
  expect(await made.run('plan', 'p.yaml', '-j2', '-px=5')).toMatchObject({ code: 0, stderr: '' });
  expect((await made.run('plan', 'p.yaml', '-jtwo')).stderr).toContain('--jobs expects a whole number');
  expect((await made.run('plan', 'p.yaml', '-py=5')).stderr).toContain('the file has no param `y`');
});

describe('wrong words', () => {
  it('on the command line are refused', async () => {
    const made = project(judged);
    const said = async (...args: string[]) => (await made.run('plan', 'p.yaml', ...args)).stderr;
    expect(await said('--gpu', '0,0')).toContain('--gpu expects ids of graphics cards, each once');
    expect(await said('--token', 'judge-rpm')).toContain('--token expects name=value');
    expect(await said('--token', 'judge-rpm=0')).toContain('expects a whole number of at least 1');
  });

  it('in moft.yaml are named with their places', async () => {
    const made = project(judged);
    made.write('moft.yaml', 'resources:\n  cpu: many\n  gpu: 2\n  tokens: {A: 1}\n  disk: 3\n');
    const { code, stderr } = await made.run('plan', 'p.yaml');
    expect(code).toBe(2);
    for (const text of ['moft.yaml:2:8', 'moft.yaml:3:8', 'moft.yaml:4:12', 'moft.yaml:5:3', '4 errors'])
      expect(stderr).toContain(text);
  });
});
