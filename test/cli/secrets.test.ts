import { expect, it, onTestFinished } from 'vitest';
import { Project } from './moft.js';

it('a secret that is not set stops a run before anything runs, and plan says so', async () => {
  const project = new Project(`
name: secret
stages:
  a: {uses: test/step, secrets: [MISSING_TOKEN], with: {label: a, socket: /nowhere}}
`);
  onTestFinished(() => project.close());
  const run = await project.start(['run', 'p.yaml']).ended;
  expect(run.code).toBe(2);
  expect(run.stderr).toContain('the stage a needs the secret MISSING_TOKEN, which is not set');
  expect(run.stderr).toContain('export MISSING_TOKEN=...');
  expect((await project.start(['ls']).ended).stdout).not.toContain('secret');
  const plan = await project.start(['plan', 'p.yaml']).ended;
  expect(plan).toMatchObject({ code: 0 });
  expect(plan.stdout).toContain('note: the stage a needs the secret MISSING_TOKEN');
});
