/** Child processes need JavaScript: the store and the children's scripts are transpiled once a test file. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');

function sources(folder: string): string[] {
  return fs
    .readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => path.join(folder, name));
}

function transpile(target: string, file: string): void {
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 };
  const { outputText } = ts.transpileModule(fs.readFileSync(path.join(root, file), 'utf8'), {
    compilerOptions,
  });
  const out = path.join(target, file.replace(/\.ts$/, '.js'));
  fs.mkdirSync(path.dirname(out), { recursive: true });
  fs.writeFileSync(out, outputText);
}

export interface Children {
  /** Starts test/store/children/<name>.ts. */
  start(name: string, ...args: string[]): ChildProcess;
  /** Runs it to its end. */
  run(name: string, ...args: string[]): Promise<Ended>;
}
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export async function ended(child: ChildProcess): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => (stdout += String(chunk)));
  child.stderr?.on('data', (chunk) => (stderr += String(chunk)));
  await once(child, 'close');
  return { code: child.exitCode, signal: child.signalCode, stdout, stderr };
}

/** The folder is readable by everybody, since one child gives up its rights. */
export function useChildren(): Children {
  let folder = '';
  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'moft-children-'));
    fs.chmodSync(folder, 0o755);
    fs.writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}');
    fs.symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
    const files = [...sources('schemas'), ...sources('runner/store'), ...sources('test/store/children')];
    for (const file of [...files, 'runner/pipeline.ts', 'runner/at-once.ts']) transpile(folder, file);
  });
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));
  const start: Children['start'] = (name, ...args) =>
    spawn(process.execPath, [path.join(folder, 'test/store/children', `${name}.js`), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  return { start, run: (name, ...args) => ended(start(name, ...args)) };
}
