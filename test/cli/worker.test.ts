/** `moft worker JOB` as a cluster would start it, without a runner. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../schemas/json.js';
import { Project } from './moft.js';

let project: Project;
beforeEach(() => {
  project = new Project('{}');
});
afterEach(() => project.close());

function writeJob(change: object = {}): string {
  const at = (name: string): string => join(project.folder, name);
  mkdirSync(at('scratch'));
  const job = {
    v: 1,
    attempt: 'nonce',
    kind: 'test/sum',
    with: { value: 41 },
    inputs: {},
    outputs: { sum: { type: 'file', path: at('sum') } },
    scratch: at('scratch'),
    ...change,
  };
  writeFileSync(at('job.json'), JSON.stringify(job));
  return 'job.json';
}

const exit = (): unknown => JSON.parse(readFileSync(join(project.folder, 'exit.json'), 'utf8'));

describe('a worker with a job', () => {
  it('prints and writes its events, the output and exit.json, and ends with 0', async () => {
    const ended = await project.run('worker', writeJob(), '--epoch', '3', '--restarts', '2');
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(ended.stdout)).toMatchObject({ seq: 1, type: 'log', text: 'adding 1 numbers' });
    const written = readFileSync(join(project.folder, 'events.jsonl'), 'utf8');
    expect(JSON.parse(written)).toMatchObject({ ...(JSON.parse(ended.stdout) as object), attempt: 'nonce' });
    const outputs = { sum: { digest: sha256('41'), bytes: 2 } };
    expect(exit()).toEqual({
      v: 1,
      attempt: 'nonce',
      nonce: 'nonce',
      epoch: 3,
      restarts: 2,
      status: 'done',
      outputs,
      modules: [],
    });
    expect(existsSync(join(project.folder, 'exit.json.tmp'))).toBe(false);
  });

  it.each([
    ['a kind it does not know', { kind: 'test/none' }, 'unknown-kind'],
    ['a protocol it does not speak', { v: 2 }, 'protocol'],
    [
      'an output nobody writes',
      { outputs: { other: { type: 'file', path: '/nonexistent/other' } } },
      'internal',
    ],
  ])('fails on %s with 1 and says why', async (_, change, code) => {
    const ended = await project.run('worker', writeJob(change));
    expect(ended.code).toBe(1);
    expect(ended.stderr).not.toBe('');
    expect(exit()).toMatchObject({ status: 'failed', error: { class: 'internal', code } });
  });
});
