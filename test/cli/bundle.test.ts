/** The joined command line gives the answers of the modules that it was made of, and cells run these. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'moft-bundle-'));
afterAll(() => rmSync(folder, { recursive: true }));

function moft(part: 'bundle' | 'cli', args: readonly string[], env: Record<string, string> = {}) {
  const argv = [join(root, 'dist', part, 'moft.js'), ...args];
  return spawnSync(process.execPath, argv, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, MOFT_HOME: join(folder, 'home'), ...env },
  });
}

it.each(['quickstart', 'ablations'])('plans the pipeline %s as the modules do', (name) => {
  const args = ['plan', `pipelines/${name}.yaml`, '--json'];
  const [joined, apart] = [moft('bundle', args), moft('cli', args)];
  expect(joined.stderr).toBe('');
  expect(joined.stdout).toBe(apart.stdout);
  expect(JSON.parse(joined.stdout)).toHaveProperty('cells');
});

it('finds the compiled checks, and never loads the compiler of schemas', () => {
  const { stderr } = moft('bundle', ['check', 'pipelines/quickstart.yaml'], { NODE_DEBUG: 'module' });
  expect(stderr).toContain('dist/validators/soft.cjs');
  expect(stderr).not.toContain('ajv/dist/ajv.js');
});

it('runs cells on the modules that their code digest counts', () => {
  const file = join(folder, 'p.yaml');
  writeFileSync(file, 'name: p\nstages:\n  news: {uses: data/news}\n');
  const first = moft('bundle', ['run', file], { NODE_DEBUG: 'module' });
  expect(first.stderr).toContain('dist/validators/values.cjs');
  expect(first.stderr).not.toContain('ajv/dist/ajv.js');
  expect(first.stdout).toContain('1 ran, 0 hit');
  expect(moft('cli', ['run', file]).stdout).toContain('0 ran, 1 hit');
});
