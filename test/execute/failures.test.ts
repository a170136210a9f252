/** The runner and the store judge what the disk does alike. */
import { expect, it } from 'vitest';
import { withPaths } from '../../runner/execute/attempt-words.js';
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
  ['EFBIG', 'environment'],
  ['ENAMETOOLONG', 'environment'],
  ['ENOTSUP', 'environment'],
  ['EOPNOTSUPP', 'environment'],
  ['ENOSYS', 'environment'],
  ['EXDEV', 'environment'],
  ['ENXIO', 'environment'],
  ['ENODEV', 'environment'],
  ['ENOENT', 'infrastructure'],
  ['ESTALE', 'infrastructure'],
  ['ETIMEDOUT', 'infrastructure'],
  ['EBUSY', 'infrastructure'],
  ['ENOMEM', 'infrastructure'],
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

it('a message that begins with the name of an input is told with the path of its file', () => {
  const at = { file: '/home/me/p.yaml', line: 1, column: 1, endLine: 1, endColumn: 2 };
  const path = (file: string) => ({ kind: 'path', type: 'file', path: file, place: at }) as const;
  const cell = { place: at, inputs: { train: path('/home/me/data/a.csv'), test: path('/data/b.csv') } };
  const told = (message: string): string => withPaths({ class: 'user', code: 'x', message }, cell).message;
  expect(told('train:1: no\ntest, row 3: no\nand 2 more lines of train like these')).toBe(
    'data/a.csv:1: no\n/data/b.csv, row 3: no\nand 2 more lines of data/a.csv like these',
  );
  expect(told('train:2: found "a", which train:1 has too')).toBe(
    'data/a.csv:2: found "a", which data/a.csv:1 has too',
  );
  expect(told('test: expected Parquet, found something else')).toBe(
    '/data/b.csv: expected Parquet, found something else',
  );
  expect(told('the script failed: train was not found')).toBe('the script failed: train was not found');
});
