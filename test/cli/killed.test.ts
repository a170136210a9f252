import { expect, it, onTestFinished } from 'vitest';
import { Commander } from '../execute/commander.js';
import { Project } from './moft.js';

it('a run is running while its runner lives, and killed once it was', async () => {
  const commander = new Commander();
  onTestFinished(() => commander.close());
  const project = new Project(`
name: chain
stages:
  a: {uses: test/step, with: {label: a, socket: ${commander.path}}}
  b: {uses: test/step, with: {label: b, socket: ${commander.path}, before: $a(*).out}}
`);
  onTestFinished(() => project.close());
  const run = project.start(['run', 'p.yaml', '--json']);
  (await commander.next('a')).finish();
  const b = await commander.next('b');
  expect(await project.json('ls')).toMatchObject([{ status: 'running', counts: { ran: 1 } }]);
  run.process.kill('SIGKILL');
  await Promise.all([run.ended, b.gone]);
  expect(await project.json('ls')).toMatchObject([{ status: 'killed', counts: { ran: 1 } }]);
  expect((await project.run('ls')).stdout).toContain('  killed  ');
});
