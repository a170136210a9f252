/** Finds the TensorFlow that pip installed: its folder and version, without importing it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { err, ok, type Result } from '../../../schemas/result.js';
import type { EngineProblem } from './problem.js';
import { runProgram } from './programs.js';

export interface InstalledTensorFlow {
  readonly python: string;
  readonly folder: string;
  readonly version: string;
  /** Both libraries that the addon is linked with. */
  readonly libraries: readonly string[];
}

export const libraryNames = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];

/** Prints where the package lies and which distribution brought it; importing it would take seconds and a GPU. */
const script = `
import importlib.util, importlib.metadata, json, os
spec = importlib.util.find_spec("tensorflow")
folder = os.path.dirname(spec.origin) if spec and spec.origin else None
version = None
for name in ("tensorflow", "tensorflow-cpu", "tensorflow-gpu", "tensorflow-rocm", "tf-nightly", "tf-nightly-cpu"):
    try:
        found = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        continue
    if any(str(file).startswith("tensorflow/__init__.py") for file in found.files or []):
        version = found.version
print(json.dumps({"folder": folder, "version": version}))
`;

/** Tries the named Python, else those on the PATH; the first with TensorFlow is taken. */
export async function findTensorFlow(
  named: string | undefined,
): Promise<Result<InstalledTensorFlow, EngineProblem>> {
  const pythons = named === undefined ? ['python3', 'python'] : [named];
  const problems: EngineProblem[] = [];
  for (const python of pythons) {
    const found = await askPython(python);
    if (found.ok) return found;
    problems.push(found.error);
  }
  // Of several, the one that got furthest says the most: a Python without TensorFlow before none at all.
  return err(
    problems.find(({ message }) => !message.startsWith('there is no')) ?? problems[0] ?? noPython('python3'),
  );
}

const noPython = (python: string): EngineProblem => ({
  message: `there is no program ${python}`,
  hint: 'install Python, or name one: `moft backend link --python PATH`',
});

async function askPython(python: string): Promise<Result<InstalledTensorFlow, EngineProblem>> {
  const ran = await runProgram(python, ['-c', script], { timeout: 60_000 });
  if (ran.code === undefined) return err(noPython(python));
  const line = ran.stdout.trim().split('\n').at(-1) ?? '';
  if (ran.code !== 0 || !line.startsWith('{')) {
    return err({ message: `${python} does not run: ${ran.stderr.trim().split('\n').at(-1) ?? ''}` });
  }
  const { folder, version } = JSON.parse(line) as { folder: string | null; version: string | null };
  if (folder === null || version === null) {
    return err({
      message: `${python} has no TensorFlow`,
      hint: `${python} -m pip install tensorflow (or tensorflow-cpu), or name another: \`moft backend link --python PATH\``,
    });
  }
  return checkWheel({ python, folder, version, libraries: libraryNames.map((name) => join(folder, name)) });
}

/** The addon speaks the C API of TensorFlow 2, which its wheels export since they carry these two libraries. */
function checkWheel(found: InstalledTensorFlow): Result<InstalledTensorFlow, EngineProblem> {
  const { folder, version, libraries } = found;
  if (!version.startsWith('2.'))
    return err({ message: `TensorFlow ${version} in ${folder}: version 2 is needed` });
  const missing = [...libraries, join(folder, 'include', 'tensorflow', 'c', 'c_api.h')].filter(
    (file) => !existsSync(file),
  );
  if (missing.length === 0) return ok(found);
  return err({
    message: `TensorFlow ${version} lacks ${missing.join(' and ')}`,
    hint: 'install a newer TensorFlow: the wheel of 2.21 for Linux has them',
  });
}
