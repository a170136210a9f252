/** pipelines/table.mjs, which docs/reports.md offers, on a report as the kind writes it. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { threeCurves } from './fixtures.js';
import { makeReport } from './make.js';

const script = join(import.meta.dirname, '../../pipelines/table.mjs');
const run = (...args: readonly string[]) =>
  spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' });

describe('the table of a report', () => {
  it('has a row a curve with its figures, intervals from three seeds on, or the measures that are asked for', async () => {
    const { folder, summary } = await makeReport(threeCurves([0, 1, 2], true));
    const file = join(folder, 'summary.json');
    const { status, stdout, stderr } = run(file);
    expect(status, stderr).toBe(0);
    const rows = stdout.trim().split('\n');
    expect(rows).toHaveLength(2 + summary.curves.length);
    expect(rows[1]).toMatch(/^ & mean V-regret & .* \\\\$/);
    const full = summary.slices[0]?.curves.find(({ name }) => name === 'clp full')?.figures['regret-mean'];
    const shown = [full?.mean, full?.low, full?.high].map((value) => (value ?? NaN).toFixed(4));
    expect(stdout).toContain(`clp full & ${shown[0]} (${shown[1]}, ${shown[2]}) & `);
    const asked = run(file, 'span').stdout.split('\n');
    expect(asked[1]).toBe(' & span \\\\');
    expect(run(file, 'spam').stderr).toContain('no measure spam; there are regret-mean,');
  });

  it('leaves out what no curve has', async () => {
    const { folder } = await makeReport(threeCurves([0, 1], false));
    const { stdout } = run(join(folder, 'summary.json'));
    expect(stdout).not.toContain('regret');
    expect(stdout).toContain('steering order');
    expect(stdout).not.toContain('(');
  });
});
