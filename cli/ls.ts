import type { RunPart } from '../runner/execute/execution.js';
import type { CellId } from '../runner/pipeline.js';
import type { RunManifest, RunTry, Store } from '../runner/store/index.js';
import { jsonOption, type CommandSpec } from './command.js';
import { exitCode } from './exit.js';
import { open, printJson, storeRoot } from './load.js';
import { stateOf } from './live.js';
import { flag } from './options.js';
import { manifests, resultOf } from './results.js';
import { keptSource } from './source.js';
import { clean, columns, counted, duration, oneLine } from './text.js';
import { trackOption } from './track/target.js';

const spec: CommandSpec = {
  usage: 'ls [run]',
  description: 'List the runs of the store, newest first; or the cells of a run',
  options: [
    ['--mlflow', 'List the runs of a pipeline (its name or file), or of all, on the MLflow server instead'],
    trackOption,
    jsonOption,
  ],
  examples: ['ls', 'ls 20260102T030405678-1a2b3c4d --json', 'ls --mlflow experiment.yaml'],
  async run([run], options, host) {
    if (flag(options, 'mlflow')) {
      const { listOnServer } = await import('./track/look.js');
      return listOnServer(run, options, host);
    }
    const store = await open(storeRoot(host.cwd, host), 'read', host);
    if (!store) return exitCode.environment;
    const list = [...manifests(store, run)];
    const rows =
      run === undefined
        ? await Promise.all(list.map((manifest) => runRow(manifest, store)))
        : list.flatMap((manifest) => cellRows(store, manifest));
    if (flag(options, 'json'))
      printJson(
        rows.map(({ json }) => json),
        host,
      );
    else for (const line of columns(rows.map(({ cells }) => cells))) host.stdout.write(`${clean(line)}\n`);
    return exitCode.done;
  },
};
export default spec;

interface Row {
  readonly json: Readonly<Record<string, unknown>>;
  readonly cells: readonly string[];
}

async function runRow(manifest: RunManifest, store: Store): Promise<Row> {
  const { run, pipeline, file, started, finished, cells } = manifest;
  const status = await stateOf(manifest, store);
  const all = Object.values(cells);
  const ran = all.filter(({ how }) => how === 'ran').length;
  const tries = triesOf(manifest);
  const unkept = Object.fromEntries(
    unkeptHows.map((how) => [how, tries.filter(([, tried]) => tried.how === how).length]),
  );
  const counts = { ran, hit: all.length - ran, ...unkept };
  const part = manifest.extra?.part;
  return {
    json: {
      ...{ run, pipeline, file, started, ...(finished === undefined ? {} : { finished }), status, counts },
      ...(part === undefined ? {} : { part }),
      ...keptSource(manifest, store.runs),
    },
    cells: [
      run,
      pipeline,
      part === undefined ? status : `${status}, ${partWords[part as RunPart]}`,
      `${counted(ran, 'cell')} ran`,
      [
        `${counts.hit} hit`,
        ...unkeptHows.flatMap((how) => (unkept[how] ? [`${unkept[how]} ${how}`] : [])),
      ].join(', '),
      started,
    ],
  };
}

const partWords = { selection: 'a part', audit: 'an audit' } as const;

const unkeptHows = ['failed', 'stopped', 'tainted', 'uncacheable'] as const;

/** Cells that left no result. */
const triesOf = ({ cells, tries = {} }: RunManifest): readonly (readonly [string, RunTry])[] =>
  Object.entries(tries).filter(([id]) => !(id in cells));

function cellRows(store: Store, manifest: RunManifest): Row[] {
  return [...resultRows(store, manifest), ...triesOf(manifest).map(tryRow)];
}

function tryRow([id, { how, key, failure }]: readonly [string, RunTry]): Row {
  return {
    json: { id, how, key, ...(failure === undefined ? {} : { failure }) },
    cells: [id, '', how, '', failure === undefined ? '' : oneLine(failure.message, 90)],
  };
}

function resultRows(store: Store, manifest: RunManifest): Row[] {
  return (Object.keys(manifest.cells) as CellId[]).flatMap((id) => {
    const result = resultOf(store, manifest, id);
    if (!result) return [];
    const { kind, seconds, finished } = result.record.record;
    const { how, key } = result.bound;
    return [
      {
        json: { id, kind, how, key, seconds, finished },
        cells: [id, kind, how, duration(seconds), finished],
      },
    ];
  });
}
