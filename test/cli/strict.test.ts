/** `reproducible: strict`: what was computed in another numeric environment is no hit. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { otherEnvironment } from '../../runner/execute/numeric-environment.js';
import { numericEnvironment } from '../../runner/plan/index.js';
import { Project } from './moft.js';

const node = process.version.split('.')[0];

it('puts the numeric environment into keys and records; without it the same cell has another key', async () => {
  const cell = 'name: one\nstages:\n  one: {uses: test/sum}\n';
  const project = new Project(`reproducible: strict\n${cell}`);
  onTestFinished(() => project.close());
  expect(await project.run('run', 'p.yaml')).toMatchObject({ code: 0 });
  expect(await project.json('plan', 'p.yaml')).toMatchObject({ counts: { hit: 1 } });
  const records = join(project.folder, '.moft', 'records');
  const [file = ''] = readdirSync(records, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /[0-9a-f]{64}\.json$/.test(name),
  );
  const { preimage } = JSON.parse(readFileSync(join(records, file), 'utf8')) as { preimage: object };
  expect(preimage).toMatchObject({ environment: { arch: process.arch, node } });
  project.write('p.yaml', cell);
  expect(await project.json('plan', 'p.yaml')).toMatchObject({ counts: { hit: 0 } });
});

it('is planned, explained and drawn for the engine that is named', async () => {
  const project = new Project('name: one\nreproducible: strict\nstages:\n  one: {uses: test/engine-step}\n');
  onTestFinished(() => project.close());
  const keys = ['wasm', 'cpu'].map(async (backend) => {
    const explained = await project.json<{ key: string }>('explain', 'p.yaml', 'one', '--backend', backend);
    const planned = await project.json<{ cells: { key: string }[] }>('plan', 'p.yaml', '--backend', backend);
    expect(planned.cells[0]?.key).toBe(explained.key);
    return explained.key;
  });
  expect(new Set(await Promise.all(keys)).size).toBe(2);
  expect(await project.run('graph', 'p.yaml', '--plan', '--backend', 'cpu')).toMatchObject({ code: 0 });
  expect(await project.run('diff', 'p.yaml', 'p.yaml', '--backend', 'cpu')).toMatchObject({ code: 0 });
});

it('refuses a result that a worker computed in another environment than its key names', () => {
  const planned = numericEnvironment({ backend: 'wasm', node: 'v20.1.0' });
  expect(otherEnvironment(planned, { backend: 'wasm', node: 'v20.9.0', host: 'b' })).toBeUndefined();
  expect(otherEnvironment(undefined, { backend: 'cpu' })).toBeUndefined();
  expect(otherEnvironment(planned, { backend: 'cpu', node: 'v20.1.0' })).toMatchObject({
    class: 'environment',
    code: 'numeric-environment',
  });
});
