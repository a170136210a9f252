/** `moft.yaml` of a project, and the shared caches that it names. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Remote } from '../runner/store/remote/types.js';
import type { Source } from '../runner/store/remote/shared.js';
import type { Store } from '../runner/store/index.js';
import type { CacheSettings, Machine } from '../schemas/machine.js';
import { PipelineError, UsageError } from './exit.js';
import type { CliHost } from './host.js';
import { projectRoot } from './load.js';
import { clean } from './text.js';

/** @throws PipelineError where the file has errors */
export async function machineOf(folder: string): Promise<Machine> {
  const file = join(projectRoot(folder), 'moft.yaml');
  if (!existsSync(file))
    return { shared: false, resources: {}, caches: [], mlflow: { judgments: true, trust: [] } };
  const { readMachine } = await import('../runner/language/read-machine.js');
  const source = { file, text: readFileSync(file, 'utf8') };
  const { machine, diagnostics } = readMachine(source);
  if (diagnostics.length > 0) throw new PipelineError(diagnostics, source);
  return machine;
}

export async function remoteOf(settings: CacheSettings, host: CliHost): Promise<Remote> {
  if (settings.folder !== undefined) {
    const { folderRemote } = await import('../runner/store/remote/folder.js');
    return folderRemote(settings.folder, settings.timeout * 1000);
  }
  const { httpRemote } = await import('../runner/store/remote/http.js');
  const authorization = authorizationOf(settings, host);
  return httpRemote({
    url: settings.url ?? '',
    timeout: settings.timeout * 1000,
    ...(authorization === undefined ? {} : { authorization }),
  });
}

/** Credentials come from variables only, so that no file holds them. */
function authorizationOf({ token, login }: CacheSettings, host: CliHost): string | undefined {
  const valueOf = (name: string): string => {
    const value = host.env[name];
    if (value !== undefined && value !== '') return value;
    throw new UsageError(
      `the variable ${name}, which moft.yaml names for a shared cache, is not set`,
      `export ${name}, or remove it from moft.yaml`,
    );
  };
  if (token !== undefined) return `Bearer ${valueOf(token)}`;
  if (login !== undefined) return `Basic ${Buffer.from(valueOf(login)).toString('base64')}`;
  return undefined;
}

/** The shared caches that a project reads, in their order. */
export async function cachesOf(folder: string, host: CliHost): Promise<readonly Source[]> {
  return cachesIn(await machineOf(folder), host);
}

export async function cachesIn({ caches }: Machine, host: CliHost): Promise<readonly Source[]> {
  const sources: Source[] = [];
  for (const settings of caches)
    sources.push({ remote: await remoteOf(settings, host), trusted: settings.trust });
  return sources;
}

/**
 * The store, looking into shared caches for what it lacks, until the signal comes; what went wrong there is told once.
 * `pull` fetches what is found; `glimpse` only says that it would be served.
 */
export async function withCaches(
  store: Store,
  caches: readonly Source[],
  host: CliHost,
  { how = 'pull', signal }: { readonly how?: 'pull' | 'glimpse'; readonly signal?: AbortSignal } = {},
): Promise<Store> {
  if (caches.length === 0) return store;
  const [{ withSources }, transfer] = await Promise.all([
    import('../runner/store/remote/shared.js'),
    import('../runner/store/remote/transfer.js'),
  ]);
  const tell = (text: string): void => void host.stderr.write(clean(`moft: ${text}\n`));
  return withSources(store, caches, tell, { ask: transfer[how], signal });
}
