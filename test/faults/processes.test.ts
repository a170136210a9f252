/** Real processes that are killed or stopped at a write: the next run ends right, and nothing finished is lost. */
import fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { beforeAll, describe, expect } from 'vitest';
import { Random } from '../../stages/random.js';
import { strike } from './kinds.js';
import { cleanRun, expectRight, files, finishedIn, Lab, pipeline as cheap, type Clean } from './lab.js';

/** A command among the cells: its process group and its folder must not be in the way of the next run. */
const pipeline = `${cheap}
  command:
    uses: shell
    with: {run: 'cat "$MOFT_INPUT_ALL" > out.txt', inputs: {all: $all.sum}, outputs: {out: {path: out.txt, type: file}}}
`;

let clean: Clean;
beforeAll(async () => {
  clean = await cleanRun(pipeline, files);
});
const none: ReadonlySet<string> = new Set();

describe('kill -9', () => {
  strike('kill-runner', async ({ seed, point }) => {
    const random = new Random(seed, 'killed runners');
    const share = random.uniform();
    let at = 1 + Math.floor(point * clean.writes);
    for (;;) {
      const lab = new Lab(pipeline, files);
      const killed = await lab.ended(lab.start({ disk: { at, share, signal: 'SIGKILL' } }));
      // How many writes there are depends on what each group commit caught: one that came to its end came too far.
      if (killed.signal === null) {
        expect(killed).toMatchObject({ code: 0, stderr: '' });
        at = Math.floor(at * 0.9);
        lab.remove();
        continue;
      }
      await expectRight(lab, await lab.run(), { clean, finished: finishedIn(killed) });
      lab.remove();
      return;
    }
  });

  strike('kill-worker', async ({ point }) => {
    const lab = new Lab(pipeline, files);
    const mark = join(lab.folder, 'killed');
    // Writes of a worker in a whole run; the next worker takes the cell up again, and isn't killed.
    const at = 1 + Math.floor(point * workerWrites);
    const run = await lab.ended(lab.start({ worker: { at, mark } }));
    expect({ at, killed: fs.existsSync(mark) }).toEqual({ at, killed: true });
    expect(run.events.some((event) => event.type === 'cell-retried')).toBe(true);
    await expectRight(lab, run, { clean, finished: none });
    await expectRight(lab, await lab.run(), { clean, finished: finishedIn(run) });
    lab.remove();
  });
});

/** As many as every run has: 8 cells with an exit.json, events and outputs. */
const workerWrites = 40;

describe('SIGSTOP for longer than the lease', () => {
  const stateOf = (pid: number): string =>
    fs.readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.slice(0, 1) ?? '';

  strike('stopped', async ({ seed, point }) => {
    const random = new Random(seed, 'stopped');
    const lab = new Lab(pipeline, files);
    const at = 1 + Math.floor(point * clean.writes);
    const command = lab.start({ disk: { at, share: random.uniform(), signal: 'SIGSTOP' } });
    const pid = command.process.pid ?? 0;
    while (command.process.exitCode === null && stateOf(pid) !== 'T') await pause(5);
    const other = await lab.run();
    await expectRight(lab, other, { clean, finished: finishedIn(command) });
    command.process.kill('SIGCONT');
    const late = await lab.ended(command);
    await expectRight(lab, late, { clean, finished: none });
    await expectRight(lab, await lab.run(), { clean, finished: finishedIn(other) });
    lab.remove();
  });
});
