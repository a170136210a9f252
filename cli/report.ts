import { copyFileSync, existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { failureFromSystem } from '../runner/execute/failures.js';
import type { Store } from '../runner/store/index.js';
import type { CommandSpec } from './command.js';
import { exitCode, UsageError } from './exit.js';
import type { CliHost } from './host.js';
import { printProblem, standingStore } from './load.js';
import { text } from './options.js';
import { newestReport } from './results.js';
import { clean } from './text.js';
import { withStore } from './with-store.js';

const spec: CommandSpec = {
  usage: 'report <file> [cell]',
  description:
    'Print the path of the newest report of a pipeline (of a cell, where it has several), or copy the page',
  options: [['-o, --out <path>', 'Copy the page, which needs no other file, to this path']],
  examples: [
    'report pipelines/quickstart.yaml',
    'report pipelines/quickstart.yaml -o front.html',
    'report pipelines/quickstart.yaml report',
  ],
  async run([file, cell], options, host) {
    const path = resolve(host.cwd, file ?? '');
    const output = text(options, 'out');
    return withStore({ root: standingStore(dirname(path), host) }, host, async (store) => {
      const report = newestReport(store, path, cell);
      if (!report)
        throw new UsageError(
          `there is no report of ${path}${cell === undefined ? '' : ` named by ${JSON.stringify(cell)}`}`,
          `\`moft run ${file ?? ''}\` makes one if the file has a stage of kind report`,
        );
      const page = await unpackReport(store, report.digest, host);
      if (page === undefined) return exitCode.environment;
      if (output === undefined) host.stdout.write(clean(`${page}\n`));
      else {
        copyPage(page, resolve(host.cwd, output));
        host.stderr.write(clean(`wrote ${output}\n`));
      }
      return exitCode.done;
    });
  },
};
export default spec;

/**
 * A copy of a report as a browser can open it, `reports/<digest>/index.html` in the store; made once. A problem
 * is printed, and the answer is undefined then.
 */
export async function unpackReport(store: Store, digest: string, host: CliHost): Promise<string | undefined> {
  const folder = join(store.root, 'reports', digest.slice(0, 16));
  const page = join(folder, 'index.html');
  if (existsSync(page)) return page;
  const restored = await store.cas.restore('report', digest, folder);
  if (restored.ok) return page;
  printProblem(restored.error, host);
  return undefined;
}

function copyPage(page: string, to: string): void {
  const folder = dirname(to);
  if (!existsSync(folder))
    throw new UsageError(
      `the report can't be written to ${to}: there is no folder ${folder}`,
      'make it first',
    );
  if (statSync(to, { throwIfNoEntry: false })?.isDirectory() === true)
    throw new UsageError(
      `the report can't be written to ${to}: it is a folder`,
      `write ${join(to, 'index.html')}`,
    );
  try {
    copyFileSync(page, to);
  } catch (error) {
    throw new UsageError(`the report can't be written to ${to}: ${failureFromSystem(error).message}`);
  }
}
