/**
 * npm run oracle -- PATH...: compares what we compute with reference numbers that were computed elsewhere. A path is a
 * JSON file, a folder of a language model, or a folder of either. Prints the largest error of each group and its
 * tolerance; exits with 1 where one is beyond it, with 2 where a group is unknown or a path can't be read.
 */
import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { checkModelFolder } from './oracle/model-folder.js';
import { checkFile, exitCode, line, type Outcome } from './oracle/report.js';

async function checkPath(path: string): Promise<Outcome[]> {
  try {
    if (!(await stat(path)).isDirectory()) return await checkJson(path);
    if (existsSync(join(path, 'expected.json'))) return await checkModelFolder(basename(path), path);
    const entries = (await readdir(path, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1));
    const inner = entries.filter((entry) => entry.isDirectory() || entry.name.endsWith('.json'));
    const outcomes: Outcome[] = [];
    for (const entry of inner) outcomes.push(...(await checkPath(join(path, entry.name))));
    return outcomes;
  } catch (error) {
    return [
      {
        kind: 'unknown',
        group: path,
        reason: `can't be read: ${error instanceof Error ? error.message : String(error)}`,
      },
    ];
  }
}

async function checkJson(path: string): Promise<Outcome[]> {
  return checkFile(basename(path, '.json'), JSON.parse(await readFile(path, 'utf8')));
}

/** npm moves to the project's folder; paths are relative to where it was called. */
function absolute(path: string): string {
  const called = resolve(process.env['INIT_CWD'] ?? '.', path);
  return existsSync(called) ? called : resolve(path);
}

const paths = process.argv.slice(2);
if (paths.length === 0) {
  console.error('usage: npm run oracle -- PATH... (for example ../shared/oracles/exact.json)');
  process.exitCode = 2;
} else {
  const outcomes: Outcome[] = [];
  for (const path of paths) {
    const found = await checkPath(absolute(path));
    for (const outcome of found) console.log(line(outcome));
    outcomes.push(...found);
  }
  process.exitCode = exitCode(outcomes);
}
