import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { programs } from './server.js';

export interface Compared {
  readonly counts: Readonly<
    Record<'runs' | 'params' | 'points' | 'tags' | 'artifacts' | 'judgments', number>
  >;
  readonly problems: readonly string[];
}

/** A run as MLflow's own client reads it beside what the journal of a store says. */
export async function compared(store: string, run: string, address: string): Promise<Compared> {
  const script = join(import.meta.dirname, 'compare.py');
  const read = promisify(execFile)(programs?.python ?? '', [script, store, run, address], {
    maxBuffer: 1 << 28,
  });
  // Exit code 1 says that there are problems, and they are what a test wants to see.
  const { stdout } = await read.catch((error: unknown) => {
    const { code, stdout: said = '', stderr } = error as { code?: number; stdout?: string; stderr?: string };
    if (code === 1 && said.includes('"problems"')) return { stdout: said };
    throw new Error(`the comparison broke off:\n${stderr ?? String(error)}`);
  });
  const line = stdout.split('\n').find((text) => text.startsWith('{')) ?? '';
  return JSON.parse(line) as Compared;
}
