/** The server that `moft mlflow` started for a store: `mlflow/` in it holds database, artifacts, log, and who it is. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { identifyProcess, isSurelyDead, type ProcessIdentity } from '../../runner/store/process-identity.js';

export interface LocalServer {
  readonly port: number;
  /** Leader of its process group. */
  readonly process: ProcessIdentity;
  readonly version: string;
}

export const serverFolder = (root: string): string => join(root, 'mlflow');
const stateFile = (root: string): string => join(serverFolder(root), 'server.json');

/** The server that was started for this store on this machine and may live still. */
export function localServer(root: string): LocalServer | undefined {
  const server = readServer(root);
  const self = identifyProcess();
  if (server?.process.host !== self.host) return undefined;
  // One of another boot has gone with it.
  return server.process.boot !== self.boot || isSurelyDead(server.process, self) ? undefined : server;
}

/** Where the server of this store was started, if not here: whether it lives can't be seen, nor can it be reached. */
export function foreignServer(root: string): { readonly host: string; readonly file: string } | undefined {
  const host = readServer(root)?.process.host;
  return host === undefined || host === identifyProcess().host ? undefined : { host, file: stateFile(root) };
}

function readServer(root: string): LocalServer | undefined {
  if (!existsSync(stateFile(root))) return undefined;
  try {
    return JSON.parse(readFileSync(stateFile(root), 'utf8')) as LocalServer;
  } catch {
    return undefined; // torn: nothing that could be found again
  }
}

export const addressOf = ({ port }: Pick<LocalServer, 'port'>): string => `http://127.0.0.1:${port}`;

export function localAddress(root: string): string | undefined {
  const server = localServer(root);
  return server && addressOf(server);
}

export const keepServer = (root: string, server: LocalServer): void =>
  writeFileSync(stateFile(root), `${JSON.stringify(server)}\n`);

export const forgetServer = (root: string): void => rmSync(stateFile(root), { force: true });
