/** The runner and the store judge what the disk does alike. */
import { expect, it } from 'vitest';
import { failureFromSystem } from '../../runner/execute/failures.js';
import { toProblem } from '../../runner/store/index.js';

it.each([
  ['ENOSPC', 'environment'],
  ['EDQUOT', 'environment'],
  ['EROFS', 'environment'],
  ['EACCES', 'environment'],
  ['EPERM', 'environment'],
  ['EMFILE', 'environment'],
  ['ENFILE', 'environment'],
  ['EIO', 'environment'],
  ['ENOTDIR', 'environment'],
  ['ENOENT', 'infrastructure'],
  ['ESTALE', 'infrastructure'],
])('%s is a fault of the %s, whoever meets it', (code, failureClass) => {
  const error = Object.assign(new Error(`${code}: refused`), { code, syscall: 'open' });
  expect(failureFromSystem(error).class).toBe(failureClass);
  expect(toProblem(error).class).toBe(failureClass);
});

it('what is no fault of the system is a bug, whatever code it has', () => {
  const error = Object.assign(new Error('no such argument'), { code: 'ERR_INVALID_ARG_VALUE' });
  expect(failureFromSystem(error)).toMatchObject({ class: 'internal', code: 'internal' });
  expect(() => toProblem(error)).toThrow('no such argument');
});
