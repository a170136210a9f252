import type { CellId } from '../runner/pipeline.js';
import type { Remote } from '../runner/store/remote/types.js';
import type { Store, StoredRecord } from '../runner/store/index.js';
import { jsonOption, type CommandSpec, type Options } from './command.js';
import { exitCode, UsageError, type ExitCode } from './exit.js';
import type { CliHost } from './host.js';
import { open, printJson, printProblem, projectRoot, storeRoot } from './load.js';
import { machineOf, remoteOf } from './machine.js';
import { flag, text } from './options.js';
import { idsIn, newestRun, resultOf } from './results.js';
import { makeSigningKey, readSigningKey } from './signing-key.js';
import { bytes, clean, counted } from './text.js';

const spec: CommandSpec = {
  usage: 'push [cells]',
  description: 'Put results of a run, signed, into a shared cache',
  options: [
    ['--run <run>', 'The run whose results are meant; default: the newest'],
    ['--to <place>', 'Folder or address of a cache of moft.yaml; default: the ones with `push: true`'],
    ['--make-key', 'Make the key that signs, and print what others add under `trust:`'],
    jsonOption,
  ],
  examples: ['push --make-key', 'push', 'push report --to /mnt/team/moft-cache'],
  async run([pattern], options, host) {
    if (flag(options, 'makeKey')) return makeKey(flag(options, 'json'), host);
    const signing = readSigningKey(host);
    const remotes = await targets(options, host);
    const store = await open(storeRoot(host.cwd, host), 'read', host);
    if (!store) return exitCode.environment;
    const results = chosenResults(store, pattern, text(options, 'run'));
    const { push } = await import('../runner/store/remote/transfer.js');
    const pushed: { cache: string; results: number; blobs: number; bytes: number }[] = [];
    for (const remote of remotes) {
      let blobs = 0;
      let size = 0;
      for (const stored of results) {
        const done = await push(store, remote, { stored, signing });
        if (!done.ok) {
          printProblem(done.error, host);
          return exitCode.environment;
        }
        blobs += done.value.blobs;
        size += done.value.bytes;
      }
      pushed.push({ cache: remote.name, results: results.length, blobs, bytes: size });
    }
    if (flag(options, 'json')) printJson(pushed, host);
    else
      for (const { cache, results: count, blobs, bytes: size } of pushed)
        host.stdout.write(
          clean(`${cache}: ${counted(count, 'result')}, ${counted(blobs, 'new blob')}, ${bytes(size)}\n`),
        );
    return exitCode.done;
  },
};
export default spec;

async function makeKey(json: boolean, host: CliHost): Promise<ExitCode> {
  const { publicText } = await import('../runner/store/remote/envelope.js');
  const { file, key } = makeSigningKey(host);
  if (json) printJson({ file, trust: [publicText(key)] }, host);
  else
    host.stdout.write(
      clean(
        `${file} signs what you push; others take it with this in their moft.yaml:\n\ntrust: [${publicText(key)}]\n`,
      ),
    );
  return exitCode.done;
}

async function targets(options: Options, host: CliHost): Promise<readonly Remote[]> {
  const { caches } = await machineOf(host.cwd);
  const to = text(options, 'to');
  const chosen = caches.filter(({ folder, url, push }) =>
    to === undefined ? push : folder === to || url === to,
  );
  if (chosen.length > 0) return Promise.all(chosen.map((settings) => remoteOf(settings, host)));
  const places = caches.map(({ folder, url }) => folder ?? url ?? '');
  throw new UsageError(
    to === undefined
      ? 'no shared cache takes what is pushed'
      : `moft.yaml names no shared cache ${JSON.stringify(to)}`,
    places.length === 0
      ? `write one under \`caches:\` in ${projectRoot(host.cwd)}/moft.yaml`
      : to === undefined
        ? 'say `push: true` at one of moft.yaml, or name it with --to'
        : `it names ${places.join(', ')}`,
  );
}

/** The results of a run, each once. */
function chosenResults(
  store: Store,
  pattern: string | undefined,
  run: string | undefined,
): readonly StoredRecord[] {
  const manifest = newestRun(store, run);
  if (!manifest) throw new UsageError('the store has no runs', 'run a pipeline first: moft run FILE');
  const ids = pattern === undefined ? (Object.keys(manifest.cells) as CellId[]) : idsIn(manifest, pattern);
  const found = ids.flatMap((id) => resultOf(store, manifest, id)?.record ?? []);
  if (found.length === 0)
    throw new UsageError(
      `run ${manifest.run} has no result${pattern === undefined ? '' : ` named ${JSON.stringify(pattern)}`}`,
      'see `moft ls RUN` for its cells',
    );
  return [...new Map(found.map((record) => [record.digest, record])).values()];
}
