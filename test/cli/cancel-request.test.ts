/** A runner looks beside its run for a request to stop, on whatever disk that lies. */
import { expect, it } from 'vitest';
import { watchForCancel } from '../../cli/execute.js';
import type { CliHost } from '../../cli/host.js';
import type { Store } from '../../runner/store/index.js';

it('a request that can not be read now is read the next time', () => {
  const answers = [
    () => undefined,
    () => {
      throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE', syscall: 'open' });
    },
    () => 'grace',
  ];
  const store = { runs: { readBeside: () => answers.shift()?.() } } as unknown as Store;
  const due: (() => void)[] = [];
  const clock = { after: (_: number, callback: () => void) => (due.push(callback), () => undefined) };
  const host = { clock, stderr: { write: () => true } } as unknown as CliHost;
  const told: string[] = [];
  watchForCancel({ interrupt: (manner) => told.push(manner) }, { store, run: 'run' }, host);
  for (let look = 0; look < 3; look++) due.shift()?.();
  expect(told).toEqual(['grace']);
});
