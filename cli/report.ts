import { copyFileSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { failureFromSystem } from '../runner/execute/failures.js';
import type { Store } from '../runner/store/index.js';
import type { CommandSpec } from './command.js';
import { exitCode, UsageError } from './exit.js';
import type { CliHost } from './host.js';
import { printProblem, standingStore } from './load.js';
import { text } from './options.js';
import { fileDigest } from './file-digest.js';
import { newestOf, newestReport, type NamedReport } from './results.js';
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
      if (output !== undefined) copyPage(page, resolve(host.cwd, output));
      else host.stdout.write(clean(`${page}\n`));
      const wrote = output === undefined ? '' : `wrote ${output}: `;
      host.stderr.write(clean(`${wrote}${provenance(report, { store, path, file: file ?? '' })}\n`));
      return exitCode.done;
    });
  },
};
export default spec;

/** Of which run a report is, and why it may not say what the file says now. */
function provenance(
  { run }: NamedReport,
  { store, path, file }: { readonly store: Store; readonly path: string; readonly file: string },
): string {
  const { extra, finished, started } = run;
  const at = (finished ?? started).replace(/:\d\d\.\d+Z$/, ' UTC').replace('T', ' ');
  const newest = newestOf(store, path);
  const known = typeof extra?.text === 'string' ? extra.text : undefined;
  const now = fileDigest(path);
  const parts = [
    `the report of run ${run.run}, ${finished === undefined ? 'begun' : 'finished'} ${at}`,
    ...(newest === undefined || newest.run === run.run
      ? []
      : [`the newer run ${newest.run} (${newest.status}) left none`]),
    ...(known === undefined || known === now
      ? []
      : [
          now === undefined
            ? `${file} is gone`
            : `${file} has changed since: \`moft run ${file}\` brings the report up to date`,
        ]),
  ];
  return parts.join('; ');
}

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
  try {
    mkdirSync(dirname(to), { recursive: true });
    if (statSync(to, { throwIfNoEntry: false })?.isDirectory() !== true) {
      copyFileSync(page, to);
      return;
    }
  } catch (error) {
    throw new UsageError(`the report can't be written to ${to}: ${failureFromSystem(error).message}`);
  }
  throw new UsageError(
    `the report can't be written to ${to}: it is a folder`,
    `write ${join(to, 'index.html')}`,
  );
}
