import type { FailureGroup } from '../runner/execute/failures.js';
import type { RunSummary } from '../runner/execute/execution.js';
import type { Pipeline } from '../runner/pipeline.js';
import type { RunManifest, Store } from '../runner/store/index.js';
import type { CliHost } from './host.js';
import { unpackReport } from './report.js';
import { reportsAmong, resultOf } from './results.js';
import { clean, counted, duration } from './text.js';

interface Where {
  readonly run: string;
  readonly store: Store;
  readonly host: CliHost;
}

interface Context extends Where {
  readonly pipeline: Pipeline;
}

/** A few lines after a run: what happened, what failed and why, what the store saved, where the report is. */
export async function printSummary(summary: RunSummary, context: Context): Promise<void> {
  const { host, pipeline } = context;
  printOutcome(summary, pipeline.name, context);
  if (summary.status !== 'done') return;
  const manifest = context.store.runs.read(context.run);
  const makers = pipeline.cells.filter(({ outputs }) => Object.values(outputs).includes('report'));
  const ids = makers.map(({ id }) => id);
  if (makers.length === 0 && manifest) printResults(manifest, context);
  for (const { digest } of manifest ? reportsAmong(context.store, manifest, ids) : []) {
    const page = await unpackReport(context.store, digest, host);
    if (page !== undefined) host.stdout.write(clean(`report: ${page}\n`));
  }
}

/** More cells than these are better listed than named. */
const namedResults = 3;

/** Without a report: where the results of the cells lie that no other one reads. */
function printResults(manifest: RunManifest, { pipeline, store, host }: Context): void {
  const read = new Set(pipeline.cells.flatMap(({ needs }) => needs));
  const last = pipeline.cells
    .filter(({ id }) => !read.has(id))
    .flatMap(({ id }) => resultOf(store, manifest, id) ?? []);
  if (last.length > namedResults) {
    host.stdout.write(`results: moft ls ${manifest.run}\n`);
    return;
  }
  for (const { id, record } of last) {
    const [artifact, ...others] = record.record.artifacts;
    const found =
      artifact && others.length === 0 ? store.cas.artifactRef(artifact.type, artifact.digest) : undefined;
    const path = found?.ok && found.value.files === undefined ? ` (${found.value.path})` : '';
    host.stdout.write(clean(`result: moft show ${id}${path}\n`));
  }
}

/** What happened, what failed and why, and what the store saved. */
export function printOutcome(summary: RunSummary, name: string, context: Where): void {
  const { host } = context;
  for (const group of summary.failures) host.stderr.write(clean(`${failureText(group)}\n`));
  const { ran, hit, failed, skipped, tainted = 0, uncacheable = 0 } = summary.counts;
  const parts = [`${ran} ran`, `${hit} hit`];
  if (failed > 0) parts.push(`${failed} failed`);
  parts.push(...skippedParts(skipped, summary, context));
  if (tainted > 0)
    parts.push(
      `${tainted} tainted (used in this run, not kept: the code, or what they read in place, changed)`,
    );
  if (uncacheable > 0) parts.push(`${uncacheable} uncacheable (used in this run, not kept)`);
  const saved = hit > 0 ? `; the store saved ${duration(summary.savedSeconds)}` : '';
  host.stdout.write(
    clean(`${name}: ${words[summary.status]} in ${duration(summary.seconds)}: ${parts.join(', ')}${saved}\n`),
  );
  if (summary.status === 'interrupted')
    host.stdout.write('finished cells are kept: run the same command to go on\n');
}

/** Of an interrupted run, the cells that were at work apart from those that had not begun. */
function skippedParts(skipped: number, { status }: RunSummary, { store, run }: Where): string[] {
  if (status !== 'interrupted') return skipped > 0 ? [`${skipped} skipped`] : [];
  const tries = Object.values(store.runs.read(run)?.tries ?? {});
  const stopped = tries.filter((tried) => tried.how === 'stopped').length;
  const rest = skipped - stopped;
  return [...(stopped > 0 ? [`${stopped} stopped`] : []), ...(rest > 0 ? [`${rest} not begun`] : [])];
}

const words = {
  done: 'done',
  failed: 'failed',
  environment: 'stopped, because the environment is at fault,',
  interrupted: 'interrupted',
} as const;

function failureText({ failure, cells }: FailureGroup): string {
  const head =
    cells.length === 0
      ? 'the run'
      : cells.length === 1
        ? cells[0]
        : `${counted(cells.length, 'cell')} (${shown(cells)})`;
  const hint = 'hint' in failure && typeof failure.hint === 'string' ? `\n  hint: ${failure.hint}` : '';
  const [first] = cells;
  const logs = first !== undefined && failure.class !== 'environment' ? `\n  see: moft logs ${first}` : '';
  return `failed (${failure.class}, ${failure.code}): ${head ?? ''}: ${failure.message}${hint}${logs}`;
}

function shown(cells: readonly string[]): string {
  return cells.slice(0, 3).join(', ') + (cells.length > 3 ? ', ...' : '');
}

/** Where events are printed as JSON: what no event says, the run's own trouble with the disk. */
export function printHalts({ failures }: RunSummary, host: CliHost): void {
  const halts = failures.filter(({ cells }) => cells.length === 0);
  for (const group of halts) host.stderr.write(clean(`${failureText(group)}\n`));
}
