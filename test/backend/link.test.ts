import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { kernelBuild, kernelFlags } from '../../stages/backend/kernel-build.js';
import { kernelsDigest } from '../../stages/backend/kernels-digest.js';
import { staleLink, type LinkRecord } from '../../stages/backend/link-record.js';
import { describeLibrary } from '../../stages/backend/manage/link.js';
import { kernelsFolder, missingSymbols } from '../../stages/backend/manage/addon.js';
import { notReached } from '../../stages/backend/manage/install.js';
import { findAddon, nativePackageAt } from '../../stages/backend/native.js';
import { runProgram } from '../../stages/backend/manage/programs.js';
import { backend, type Ended } from './engines.js';

const folder = mkdtempSync(join(tmpdir(), 'moft-link-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let engines = '';
beforeEach(() => (engines = mkdtempSync(join(folder, 'engines-'))));

const link = (args: string[], env: Record<string, string> = {}): Ended =>
  backend(['link', ...args], { MOFT_ENGINES: engines, ...env });

/** A program that prints one line, in place of Python. */
function fakePython(line: string): string {
  const path = join(mkdtempSync(join(folder, 'python-')), 'python3');
  writeFileSync(path, `#!/bin/sh\ncat <<'END'\n${line}\nEND\n`);
  chmodSync(path, 0o755);
  return path;
}

const hasCompiler = (await runProgram('g++', ['--version'])).code === 0;
if (!hasCompiler) console.warn('SKIPPED: what linking says with a compiler is not checked, there is no g++');

describe.skipIf(process.platform !== 'linux')('moft backend link says what is missing:', () => {
  it('the compiler', () => {
    const ended = link([], { CXX: 'no-such-compiler' });
    expect(ended.code).toBe(3);
    expect(ended.stderr).toContain('there is no C++ compiler: tried no-such-compiler');
  });

  it.skipIf(!hasCompiler)('Python', () => {
    const ended = link(['--python', '/no/such/python']);
    expect(ended.code).toBe(3);
    expect(ended.stderr).toContain('there is no program /no/such/python');
  });

  it.skipIf(!hasCompiler)('TensorFlow', () => {
    const ended = link(['--python', fakePython('{"folder": null, "version": null}')]);
    expect(ended.code).toBe(3);
    expect(ended.stderr).toMatch(/has no TensorFlow\n {2}hint: .*pip install tensorflow/);
  });

  it.skipIf(!hasCompiler)('the right version', () => {
    const ended = link(['--python', fakePython(`{"folder": "${folder}", "version": "1.15.0"}`)]);
    expect(ended.stderr).toContain(`TensorFlow 1.15.0 in ${folder}: version 2 is needed`);
  });

  it.skipIf(!hasCompiler)('a library of the wheel', () => {
    const wheel = mkdtempSync(join(folder, 'wheel-'));
    writeFileSync(join(wheel, 'libtensorflow_cc.so.2'), '');
    const ended = link(['--python', fakePython(`{"folder": "${wheel}", "version": "2.9.0"}`)]);
    expect(ended.code).toBe(3);
    expect(ended.stderr).toContain('TensorFlow 2.9.0 lacks');
    expect(ended.stderr).toContain('libtensorflow_framework.so.2');
    expect(ended.stderr).not.toContain('lacks /libtensorflow_cc');
  });
});

describe.skipIf(!hasCompiler)('symbols', () => {
  it('that no library exports are named', async () => {
    const compile = async (name: string, code: string): Promise<string> => {
      const source = join(folder, `${name}.cc`);
      const target = join(folder, `${name}.so`);
      writeFileSync(source, code);
      expect((await runProgram('g++', ['-shared', '-fPIC', source, '-o', target])).code).toBe(0);
      return target;
    };
    const addon = await compile(
      'addon',
      'extern "C" { void TF_There(); void TFE_Gone(); void napi_x(); void f() { TF_There(); TFE_Gone(); napi_x(); } }',
    );
    const library = await compile('library', 'extern "C" void TF_There() {}');
    expect(await missingSymbols(addon, [library])).toEqual({ ok: true, value: ['TFE_Gone'] });
    const nothing = await missingSymbols(library, [library]);
    expect(nothing).toMatchObject({ ok: false });
  });
});

describe('the installer of tfjs-node', () => {
  it('that reaches no network ends in one line that names the host', () => {
    const stderr =
      "Error: getaddrinfo\n  errno: -3008,\n  code: 'ENOTFOUND',\n  hostname: 'storage.example.com'\n}\nNode.js v20";
    expect(notReached({ stdout: '', stderr })).toBe(
      'the installer fetches libtensorflow from storage.example.com, which this machine does not reach (ENOTFOUND)',
    );
    expect(notReached({ stdout: '', stderr: "code: 'EACCES'" })).toBeUndefined();
  });
});

describe('the kernels', () => {
  it('are those whose digest the stages have', () => {
    const folder = kernelsFolder();
    const hash = createHash('sha256');
    for (const name of readdirSync(folder).sort()) hash.update(name).update(readFileSync(join(folder, name)));
    expect(kernelsDigest).toBe(hash.digest('hex'));
  });
});

describe('a linked addon', () => {
  const installed = nativePackageAt();

  async function record(change: Partial<LinkRecord> = {}): Promise<{ record: LinkRecord; library: string }> {
    const library = join(engines, 'libtensorflow_cc.so.2');
    writeFileSync(library, 'bytes');
    const libraries = [await describeLibrary(library)];
    const made: LinkRecord = {
      v: 1,
      tfjs: '4.22.0',
      tensorflow: '2.21.0',
      compiler: 'g++',
      libraries,
      kernels: kernelsDigest,
      flags: kernelFlags,
      ...change,
    };
    mkdirSync(join(engines, 'tensorflow'), { recursive: true });
    writeFileSync(join(engines, 'tensorflow', 'link.json'), JSON.stringify(made));
    return { record: made, library };
  }

  it('is refused when a library has changed or is gone, or tfjs-node is another', async () => {
    const { record: made, library } = await record();
    expect(staleLink(made, '4.22.0')).toBeUndefined();
    expect(staleLink(made, '4.23.0')).toBe('it was built for tfjs-node 4.22.0, and 4.23.0 is installed');
    expect(staleLink({ ...made, kernels: '' }, '4.22.0')).toBe('moft has other kernels for it now');
    expect(staleLink({ ...made, flags: '-Ofast' }, '4.22.0')).toBe('moft compiles its kernels otherwise now');
    writeFileSync(library, 'other bytes');
    expect(staleLink(made, '4.22.0')).toBe(`${library} has changed since`);
    rmSync(library);
    expect(staleLink(made, '4.22.0')).toBe(`${library} is gone`);
  });

  it('has another version by each of sources, flags and compiler', async () => {
    const { record: made } = await record();
    const changes = [{}, { kernels: '' }, { flags: '-Ofast' }, { compiler: 'clang' }];
    const versions = changes.map((change) => kernelBuild({ ...made, ...change }));
    expect(new Set(versions).size).toBe(changes.length);
  });

  it.skipIf(!installed)('that is refused is not passed over in silence: wasm runs and says why', async () => {
    const { library } = await record({ tfjs: installed?.version ?? '' });
    rmSync(library);
    expect(findAddon(engines)).toMatchObject({
      ok: false,
      error: expect.stringContaining(`${library} is gone`) as string,
    });
    const { stdout } = backend(['list', '--quick', '--json'], { MOFT_ENGINES: engines });
    const listed = JSON.parse(stdout) as {
      engine: string;
      state: string;
      default: boolean;
      source: string;
    }[];
    expect(listed.find(({ engine }) => engine === 'wasm')).toMatchObject({ state: 'ready', default: true });
    expect(listed.find(({ engine }) => engine === 'tensorflow')?.source).toContain(`${library} is gone`);
  });
});
