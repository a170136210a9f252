/** The program: joins the command line to this process. Started by bin/moft.js, which builds first where needed. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../runner/execute/clock.js';
import type { Code, CodeProblem } from '../runner/plan/index.js';
import type { Result } from '../schemas/result.js';
import type { CliHost } from './host.js';
import { main } from './main.js';
import { onCheckpoint, onInterrupt, outliveReaders } from './process.js';

/** Of the package: this file is compiled to dist/cli/moft.js, and joined with others in dist/bundle/moft.js. */
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** Workers run the very modules that the code digest of a cell counts. */
const program = join(root, 'dist', 'cli', 'moft.js');

async function ask(question: string): Promise<string> {
  const { createInterface } = await import('node:readline/promises');
  const reader = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return await reader.question(question);
  } finally {
    reader.close();
  }
}

let code: Promise<Result<Code, CodeProblem>> | undefined;

const host: CliHost = {
  env: process.env,
  cwd: process.cwd(),
  stdout: process.stdout,
  stderr: process.stderr,
  clock: systemClock,
  ...(process.stdin.isTTY && process.stdout.isTTY ? { ask } : {}),
  // The launcher's bundle: it starts sooner than the modules.
  moftCommand: [process.execPath, fileURLToPath(import.meta.url)],
  workerCommand: [process.execPath, program, 'worker'],
  kinds: async () => (await import('./kinds.js')).kinds,
  // Frozen at the first look: one digest of the code for the whole command.
  code: () => (code ??= import('../runner/plan/index.js').then(({ loadCode }) => loadCode(root))),
  engine: async () => (await import('./engine.js')).engineHost,
  onInterrupt,
  onCheckpoint,
};

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
outliveReaders();
process.exitCode = await main(process.argv.slice(2), host, version);
