import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { kinds } from '../../cli/kinds.js';
import { kindsReference } from '../../scripts/kinds-reference.js';
import { root } from './imports.js';

it('docs/kinds.md says what the declarations say (else: `npm run docs`)', () => {
  const file = join(root, 'docs', 'kinds.md');
  const expected = kindsReference(kinds);
  if (process.env.UPDATE_DOCS === '1') writeFileSync(file, expected);
  expect(readFileSync(file, 'utf8')).toBe(expected);
  for (const name of kinds.keys()) expect(expected).toContain(`## ${name}\n`);
});
