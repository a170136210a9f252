/** The command line with the test kinds, joined as the product's is: suites start it a thousand times. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { joinModules } from '../../scripts/join.js';

const root = join(import.meta.dirname, '../..');

export default async function setup(): Promise<() => void> {
  const dir = mkdtempSync(join(root, 'dist', 'test-'));
  chmodSync(dir, 0o755); // other users, as whom some tests start it, read it
  // The schemas of the test kinds are made and compiled in each start.
  await joinModules(root, join(root, 'test/fixtures/execute/moft.mjs'), dir, ['typebox', 'ajv']);
  // Workers start a thread by the name of its module.
  const thread = "import '../../runner/execute/worker/lifeline-thread.js';\n";
  writeFileSync(join(dir, 'chunks/lifeline-thread.js'), thread);
  process.env.MOFT_TEST_SCRIPT = join(dir, 'moft.mjs');
  return () => rmSync(dir, { recursive: true, force: true });
}
