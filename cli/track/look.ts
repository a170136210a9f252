/** What a server knows of our runs, for `show --mlflow`, `ls --mlflow` and `restore`. */
import { basename } from 'node:path';
import {
  createClient,
  experimentPage,
  quoted,
  runPage,
  type MlflowClient,
  type MlflowProblem,
  type Run,
} from '../../runner/track/mlflow/index.js';
import { viewKeys, viewPage, viewTag } from '../../runner/track/shape/index.js';
import { madeBy } from '../../runner/track/outbox/index.js';
import type { Store } from '../../runner/store/index.js';
import { err, ok, type Result } from '../../schemas/result.js';
import type { Options } from '../command.js';
import { exitCode, UsageError, type ExitCode } from '../exit.js';
import type { CliHost } from '../host.js';
import { printJson, printProblem, storeRoot } from '../load.js';
import { flag } from '../options.js';
import type { NamedResult } from '../results.js';
import { clean, columns } from '../text.js';
import { requiredTarget } from './target.js';

/** Works with a client and closes it; a problem of the server is printed, and is exit code 3. */
export async function withClient(
  options: Options,
  host: CliHost,
  work: (client: MlflowClient) => Promise<Result<ExitCode, MlflowProblem>>,
): Promise<ExitCode> {
  const root = storeRoot(host.cwd, host);
  const { settings } = await requiredTarget(options, { folder: host.cwd, root }, host);
  const client = createClient(settings);
  try {
    const done = await work(client);
    if (done.ok) return done.value;
    printProblem(done.error, host);
    return exitCode.environment;
  } finally {
    await client.close();
  }
}

/** All runs of ours that a filter finds, in whatever experiment, newest first. */
export async function searchOurs(
  client: MlflowClient,
  filter: string,
): Promise<Result<readonly Run[], MlflowProblem>> {
  const experiments = await client.experiments();
  if (!experiments.ok) return experiments;
  const ids = experiments.value.map(({ id }) => id);
  return client.runs({ experiments: ids, filter, orderBy: ['start_time DESC'] });
}

/** What the store knows of it needs no server. */
export function showOnServer(
  { id, bound, record }: NamedResult,
  { store, options, host }: { store: Store; options: Options; host: CliHost },
): Promise<ExitCode> {
  return withClient(options, host, async (client) => {
    const here = madeBy(store, client.address)(record.key, bound.record);
    const found = here ? ok(here) : await runOfRecord(client, bound.record);
    if (!found.ok) return found;
    if (!found.value)
      throw new UsageError(
        `${client.address} has no run of ${id}`,
        `\`moft sync ${record.record.run}\` sends the run that made it`,
      );
    const page = runPage(client.address, found.value.experiment, found.value.id);
    if (flag(options, 'json')) printJson({ id, page, run: found.value.id }, host);
    else host.stdout.write(clean(`${page}\n`));
    return ok(exitCode.done);
  });
}

async function runOfRecord(
  client: MlflowClient,
  record: string,
): Promise<Result<Run | undefined, MlflowProblem>> {
  const found = await searchOurs(client, `tags.\`moft.record\` = ${quoted(record)}`);
  return found.ok ? ok(found.value[0]) : found;
}

/** @param pipeline name of a pipeline, or its file; undefined: all */
export function listOnServer(
  pipeline: string | undefined,
  options: Options,
  host: CliHost,
): Promise<ExitCode> {
  return withClient(options, host, async (client) => {
    const found = await searchOurs(client, `tags.\`moft.role\` = 'run'`);
    if (!found.ok) return found;
    const runs = found.value.filter(({ tags }) => pipeline === undefined || isOf(tags, pipeline));
    const views = await viewsOf(client, new Set(runs.map(({ experiment }) => experiment)));
    if (!views.ok) return views;
    const rows = runs.map((run) => ({
      run: run.tags['moft.run'] ?? '',
      pipeline: run.tags['moft.pipeline'] ?? '',
      status: run.status,
      started: new Date(run.start).toISOString(),
      page: runPage(client.address, run.experiment, run.id),
    }));
    if (flag(options, 'json'))
      printJson(
        rows.map((row, n) => ({ ...row, views: views.value.get(runs[n]?.experiment ?? '') ?? {} })),
        host,
      );
    else {
      for (const line of columns(rows.map((row) => Object.values(row))))
        host.stdout.write(`${clean(line)}\n`);
      for (const [name, page] of [...views.value.values()].flatMap((all) => Object.entries(all)))
        host.stdout.write(clean(`charts: ${name}  ${page}\n`));
    }
    return ok(exitCode.done);
  });
}

/** Addresses of the views that experiments have, by name. */
async function viewsOf(
  client: MlflowClient,
  experiments: ReadonlySet<string>,
): Promise<Result<ReadonlyMap<string, Readonly<Record<string, string>>>, MlflowProblem>> {
  const views = new Map<string, Record<string, string>>();
  for (const id of experiments) {
    const found = await client.experimentOf(id);
    if (!found.ok) return found;
    const { tags = {} } = found.value ?? {};
    const keys = Object.values(viewKeys).filter((key) => viewTag(key) in tags);
    const pages = keys.map((key) => [key, viewPage(experimentPage(client.address, id), key)]);
    views.set(id, Object.fromEntries(pages) as Record<string, string>);
  }
  return ok(views);
}

const isOf = (tags: Run['tags'], pipeline: string): boolean =>
  tags['moft.pipeline'] === pipeline || tags['mlflow.source.name'] === basename(pipeline);

/** A run by its id there, the address of its page, or the id of a run of ours. */
export async function runNamed(client: MlflowClient, name: string): Promise<Result<Run, MlflowProblem>> {
  const id = /(?:^|\/runs\/)([0-9a-f]{32})\b/.exec(name)?.[1];
  const found = id === undefined ? await runOfOurs(client, name) : await client.runOf(id);
  if (!found.ok) return found;
  if (found.value) return ok(found.value);
  throw new UsageError(
    `${client.address} has no run ${JSON.stringify(name)}`,
    'see `moft ls --mlflow` for its runs',
  );
}

async function runOfOurs(client: MlflowClient, run: string): Promise<Result<Run | undefined, MlflowProblem>> {
  if (!/^[A-Za-z0-9._-]+$/.test(run)) return ok(undefined);
  const found = await searchOurs(client, `tags.\`moft.run\` = '${run}' AND tags.\`moft.role\` = 'run'`);
  return found.ok ? ok(found.value[0]) : err(found.error);
}
