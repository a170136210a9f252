/**
 * The kernels as each C++ compiler of this machine makes them, for each set of instructions and for ARM64 (in qemu where
 * this is another processor), against plain loops: no TensorFlow takes part. Half a minute a compiler, so only with
 * MOFT_COMPILERS=1, which `npm run test:all` sets. On Debian: apt-get install clang g++-aarch64-linux-gnu qemu-user.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { instructionSets, type InstructionSet } from '../../stages/backend/kernel-build.js';
import { kernelsFolder } from '../../stages/backend/manage/addon.js';
import { runProgram } from '../../stages/backend/manage/programs.js';
import { findTensorFlow } from '../../stages/backend/manage/python.js';

const wanted = process.env.MOFT_COMPILERS !== undefined;
if (!wanted) console.warn('SKIPPED: the kernels are not tried with every compiler: set MOFT_COMPILERS=1');

const source = fileURLToPath(new URL('kernels/check.cc', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'moft-compilers-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Target {
  readonly name: string;
  readonly compiler: readonly [string, ...string[]];
  readonly sets: readonly InstructionSet[];
  /** What runs a program of another processor. */
  readonly emulator?: string;
}

const plain = instructionSets.slice(0, 1);
const arm = process.arch === 'arm64' ? {} : { emulator: 'qemu-aarch64' };
const targets: readonly Target[] = [
  { name: 'g++', compiler: ['g++'], sets: instructionSets },
  { name: 'clang++', compiler: ['clang++'], sets: instructionSets },
  { name: 'g++ for ARM64', compiler: ['aarch64-linux-gnu-g++', '-static'], sets: plain, ...arm },
  {
    name: 'clang++ for ARM64',
    compiler: ['clang++', '--target=aarch64-linux-gnu', '-static'],
    sets: plain,
    ...arm,
  },
];

const flags = cpuFlags();
const needs: Readonly<Record<string, readonly string[]>> = {
  AVX2: ['avx2', 'fma'],
  'AVX-512': ['avx512f', 'avx512vl', 'avx512bw', 'avx512dq'],
};

function cpuFlags(): ReadonlySet<string> {
  try {
    return new Set(
      /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.trim().split(' ') ?? [],
    );
  } catch {
    return new Set();
  }
}

/** Why a target cannot be tried here, or undefined. */
async function absence({
  name,
  compiler: [program, ...more],
  emulator,
}: Target): Promise<string | undefined> {
  for (const tool of emulator === undefined ? [program] : [program, emulator])
    if ((await runProgram(tool, ['--version'])).code !== 0) return `${name}: there is no ${tool}`;
  const empty = join(folder, 'empty.cc');
  writeFileSync(empty, '#include <vector>\nint main() {}\n');
  const links = await runProgram(program, [...more, empty, '-o', join(folder, 'empty')]);
  return links.code === 0 ? undefined : `${name}: ${links.stderr.split('\n')[0] ?? 'it links nothing'}`;
}

const absences = new Map<Target, string>();
for (const target of wanted ? targets : []) {
  const missing = await absence(target);
  if (missing === undefined) continue;
  absences.set(target, missing);
  console.warn(`SKIPPED: ${missing}`);
}

describe.skipIf(!wanted).each(targets)('kernels made by $name', (target) => {
  const missing = absences.get(target);

  it.skipIf(missing !== undefined).for(target.sets)(
    'compute what plain loops do: $name',
    { timeout: 300_000 },
    async ({ name, flags: of }, { skip }) => {
      const lacking = needs[name]?.find((flag) => !flags.has(flag));
      if (lacking !== undefined) return skip(`this processor has no ${lacking}`);
      const [program, ...more] = target.compiler;
      const made = join(folder, `${target.name} ${name}`.replace(/\W+/g, '-'));
      const compiled = await runProgram(program, [...more, '-std=gnu++17', ...of, source, '-o', made]);
      expect(compiled.stderr).toBe('');
      const [runner = made, ...args] = target.emulator === undefined ? [] : [target.emulator, made];
      const ran = await runProgram(runner, args);
      expect(ran.stdout.split('\n').filter((line) => line.startsWith('FAILED'))).toEqual([]);
      expect(ran.stdout).toMatch(/^0 failed$/m);
      expect(ran.code).toBe(0);
    },
  );

  it.skipIf(missing !== undefined)(
    'register with TensorFlow: the rest of the addon compiles',
    async ({ skip }) => {
      const tensorflow = await findTensorFlow(process.env.MOFT_TEST_PYTHON);
      if (!tensorflow.ok) return skip(tensorflow.error.message);
      const [program, ...more] = target.compiler;
      const include = `-I${join(tensorflow.value.folder, 'include')}`;
      const base = join(kernelsFolder(), 'base.cc');
      const choice = target.sets.length > 1 ? ['-DMOFT_X86'] : [];
      const compiled = await runProgram(program, [
        ...more,
        ...['-std=gnu++17', '-O2', include, ...choice, '-c', base, '-o', join(folder, 'base.o')],
      ]);
      expect(compiled.stderr).toBe('');
      expect(compiled.code).toBe(0);
    },
    300_000,
  );
});
