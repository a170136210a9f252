import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readCards, Vitals, vitalsFile, type VitalsLine } from '../../runner/execute/worker/vitals.js';

it('the vitals of a worker are lines of figures, one a sample', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'moft-vitals-'));
  const vitals = new Vitals();
  vitals.start(folder);
  await vitals.sample();
  await vitals.sample();
  vitals.stop();
  const text = readFileSync(join(folder, vitalsFile), 'utf8');
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as VitalsLine);
  expect(lines.map(({ step }) => step)).toEqual([0, 1]);
  for (const { time, figures } of lines) {
    expect(Number.isInteger(time)).toBe(true);
    expect(figures['system/worker_memory_usage_megabytes']).toBeGreaterThan(1);
    expect(Object.values(figures).every(Number.isFinite)).toBe(true);
  }
});

it('graphics cards are read as MLflow names them, without what a card does not tell', () => {
  expect(readCards('0, 97, 1000, 4000, 512.3\n1, 0, 0, 4000, [N/A]\n')).toEqual({
    'system/gpu_0_utilization_percentage': 97,
    'system/gpu_0_memory_usage_megabytes': 1048.6,
    'system/gpu_0_memory_usage_percentage': 25,
    'system/gpu_0_power_usage_watts': 512.3,
    'system/gpu_1_utilization_percentage': 0,
    'system/gpu_1_memory_usage_megabytes': 0,
    'system/gpu_1_memory_usage_percentage': 0,
  });
});
