import { dirname, resolve } from 'node:path';
import type { CellId, Pipeline } from '../runner/pipeline.js';
import type { JsonObject } from '../schemas/json.js';
import type { Plan } from '../runner/plan/index.js';
import type { RunManifest, Store } from '../runner/store/index.js';
import { auditPart, type Audited } from './audit/rerun.js';
import { printAudit } from './audit/show.js';
import { draw, sampleSeed, sampleSize } from './audit/sample.js';
import { capacityFor, capacityOptions } from './capacity.js';
import { matchSome } from './cells.js';
import { jsonOption, valueOptions, type CommandSpec, type Options } from './command.js';
import { engineOption } from './engine-option.js';
import { exitCode, PipelineError, UsageError, type ExitCode } from './exit.js';
import type { CliHost } from './host.js';
import { givenValues, load, loadChecked, makePlan, standingStore } from './load.js';
import { flag, texts } from './options.js';
import { manifests } from './results.js';
import { clean } from './text.js';
import { withStore } from './with-store.js';

const spec: CommandSpec = {
  usage: 'audit [file]',
  description:
    'Run a sample of what the store would serve again, and compare the results; without a file, of all its runs. Nothing is replaced',
  options: [
    ['--sample <n>', 'How many results: 10, 0.2, 20% or all; default: 10'],
    ['--cells <cells>', 'Only of these cells; may be repeated'],
    ['--seed <n>', 'Draw the same sample again; default: another one each time, which is told'],
    ...valueOptions,
    ...capacityOptions,
    ['--backend <name>', 'Run them on another engine than the one that they would get'],
    jsonOption,
  ],
  examples: [
    'audit pipelines/quickstart.yaml --sample 3',
    'audit experiment.yaml --sample 10% --seed 1',
    'audit experiment.yaml --cells front --sample all --backend cpu',
  ],
  async run([file], options, host) {
    const [size, seed] = [sampleSize(options), sampleSeed(options)];
    const backend = engineOption(options);
    if (file === undefined && ['preset', 'param', 'set'].some((name) => options[name] !== undefined))
      throw new UsageError(
        '--preset, --param and --set are for a file: without one, each run is planned again with what it was given',
        'name the file',
      );
    const root = file === undefined ? host.cwd : dirname(resolve(host.cwd, file));
    return withStore({ root: standingStore(root, host) }, host, async (store) => {
      const place = { store, host, backend };
      const hits = await hitsOf(await sourcesOf(file, options, place), options, place);
      if (typeof hits === 'number') return hits;
      const sample = draw(hits, size, seed, ({ key }) => key);
      const audited: Audited[] = [];
      const context = {
        store,
        host,
        backend,
        capacity: (plan: Plan) => capacityFor(plan, options, host),
        json: flag(options, 'json'),
      };
      for (const [source, cells] of bySource(sample)) {
        const part = await auditPart(source.pipeline, cells, { ...context, given: source.given });
        if (typeof part === 'number') return part;
        audited.push(...part);
      }
      printAudit({ seed, hits: hits.length, audited }, flag(options, 'json'), host);
      return audited.length > 0 && audited.every(({ verdict }) => verdict === 'same' || verdict === 'within')
        ? exitCode.done
        : exitCode.failed;
    });
  },
};
export default spec;

interface Place {
  readonly store: Store;
  readonly host: CliHost;
  readonly backend: string | undefined;
}

interface Source {
  readonly pipeline: Pipeline;
  /** What the command line gives it. */
  readonly given: JsonObject;
}

/** The pipeline of a file, or those of the store's runs, the newest first; what can't be planned again is told. */
async function sourcesOf(
  file: string | undefined,
  options: Options,
  { store, host }: Place,
): Promise<readonly Source[]> {
  if (file !== undefined)
    return [{ pipeline: await loadChecked(file, options, host), given: givenValues(options) }];
  const seen = new Set<string>();
  const found: Source[] = [];
  for (const manifest of manifests(store, undefined)) {
    const given = (manifest.extra?.given ?? {}) as JsonObject;
    const name = JSON.stringify([manifest.file, given]);
    if (seen.has(name)) continue;
    seen.add(name);
    const pipeline = await pipelineOf(manifest, given, host);
    if (pipeline) found.push({ pipeline, given });
  }
  return found;
}

async function pipelineOf(
  { run, file }: RunManifest,
  given: Options,
  host: CliHost,
): Promise<Pipeline | undefined> {
  const skip = (why: string): void => {
    host.stderr.write(clean(`moft: run ${run} can't be audited: ${why}\n`));
  };
  try {
    const { pipeline, diagnostics } = await load(file, given, host);
    if (pipeline && diagnostics.length === 0) return pipeline;
    skip(`${file} has errors; see \`moft check\``);
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof PipelineError)) throw error;
    skip(error.message);
  }
  return undefined;
}

interface Hit {
  readonly source: Source;
  readonly id: CellId;
  readonly key: string;
}

/** What the store would serve now, each result once, by the first cell that has it. */
async function hitsOf(
  sources: readonly Source[],
  options: Options,
  { store, host, backend }: Place,
): Promise<readonly Hit[] | ExitCode> {
  const hits = new Map<string, Hit>();
  const patterns = texts(options, 'cells');
  for (const source of sources) {
    const planned = await makePlan(source.pipeline, store, host, { backend });
    if (!planned.ok) return planned.exit;
    const wanted = await idsOf(source.pipeline, patterns, sources.length === 1);
    for (const { cell, status, key } of planned.plan.cells)
      if (status === 'hit' && key !== undefined && wanted.has(cell.id) && !hits.has(key))
        hits.set(key, { source, id: cell.id, key });
  }
  if (hits.size > 0) return [...hits.values()];
  throw new UsageError(
    'there is nothing to audit: no result of these cells is in the store',
    'run the pipeline first; `moft plan` shows what would be a hit',
  );
}

/** @param strict a pattern that names nothing is an error, and not only of another pipeline's */
async function idsOf(
  { cells }: Pipeline,
  patterns: readonly string[],
  strict: boolean,
): Promise<ReadonlySet<CellId>> {
  if (patterns.length === 0) return new Set(cells.map(({ id }) => id));
  const { matchCells } = await import('../runner/language/index.js');
  const found: CellId[] = [];
  for (const pattern of patterns)
    for (const { id } of strict ? await matchSome(cells, pattern) : matchCells(cells, pattern))
      found.push(id);
  return new Set(found);
}

function bySource(sample: readonly Hit[]): ReadonlyMap<Source, ReadonlySet<CellId>> {
  const parts = new Map<Source, Set<CellId>>();
  for (const { source, id } of sample) parts.set(source, (parts.get(source) ?? new Set()).add(id));
  return parts;
}
