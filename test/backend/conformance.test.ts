/**
 * One suite for all engines, each in a process of its own, as `moft backend check` runs it. TensorFlow is linked for
 * real where a Python has it (MOFT_TEST_PYTHON, else python3), Dawn comes from npm and runs on whatever adapter there
 * is: SwiftShader, which Chromium brings, is one.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EngineInfo, EngineName } from '../../stages/backend/engine-info.js';
import { listEngines } from '../../stages/backend/manage/inventory.js';
import { checkNames, type CheckResult } from '../../stages/lm/conformance/checks.js';
import { backend, type Ended } from './engines.js';

const engines = mkdtempSync(join(tmpdir(), 'moft-engines-'));
afterAll(() => rmSync(engines, { recursive: true, force: true }));

const swiftshader = '/usr/lib/chromium/vk_swiftshader_icd.json';
const software = existsSync(swiftshader)
  ? { VK_DRIVER_FILES: swiftshader, VK_ICD_FILENAMES: swiftshader }
  : {};
/** A graphics card comes first; without one, the software that draws for Chromium. */
const variables = { MOFT_ENGINES: engines, ...(process.env.VK_DRIVER_FILES === undefined ? software : {}) };

const python = process.env.MOFT_TEST_PYTHON;
const linked = backend(['link', ...(python === undefined ? [] : ['--python', python])], variables);
const installed = backend(['install', 'webgpu'], variables);

interface Checked {
  readonly ok: boolean;
  readonly info: EngineInfo;
  readonly checks: readonly CheckResult[];
}

/** Why the engine cannot be tried here, or undefined. */
function absence(engine: EngineName): string | undefined {
  const brought: Partial<Record<EngineName, Ended>> = { tensorflow: linked, webgpu: installed };
  const failed = brought[engine];
  if (failed && failed.code !== 0) return failed.stderr.trim();
  const started = backend(['inside', engine, 'start'], variables).stdout.trim().split('\n').at(-1) ?? '';
  return (JSON.parse(started) as { error?: string }).error;
}

describe.each(['wasm', 'cpu', 'tensorflow', 'webgpu'] as const)('the engine %s', (engine) => {
  const missing = absence(engine);
  if (missing !== undefined) console.warn(`SKIPPED: the conformance of ${engine} is not checked: ${missing}`);

  describe.skipIf(missing !== undefined)('conforms in', () => {
    let checked: Checked;
    beforeAll(() => {
      const ended = backend(['check', engine, '--json'], variables);
      checked = JSON.parse(ended.stdout) as Checked;
      expect(ended.code, ended.stderr).toBe(checked.ok ? 0 : 1);
    }, 1_200_000);

    it.each(checkNames)('%s', (name) => {
      const found = checked.checks.find((check) => check.name === name);
      expect(found?.measured).toBeLessThanOrEqual(found?.most ?? NaN);
      expect(found?.passed).toBe(true);
    });

    it('its name and version', () => {
      expect(checked.info.backend).toBe(engine);
      const below = {
        wasm: /^[\d.]+$/,
        cpu: /^[\d.]+$/,
        tensorflow: /on TensorFlow 2\./,
        webgpu: /on Dawn [\d.]+$/,
      };
      expect(checked.info.version).toMatch(below[engine]);
    });
  });
});

describe('what is linked', () => {
  it.skipIf(linked.code !== 0)('is found, and is the engine where none is named', () => {
    const found = listEngines(engines).find(({ engine }) => engine === 'tensorflow');
    expect(found).toMatchObject({
      present: true,
      source: expect.stringContaining('libtensorflow_cc.so.2') as string,
    });
    const { stdout } = backend(['list', '--quick'], variables);
    expect(stdout).toMatch(/^tensorflow \*/m);
  });
});
