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

/** The server that was started for this store and may live still. */
export function localServer(root: string): LocalServer | undefined {
  if (!existsSync(stateFile(root))) return undefined;
  try {
    const server = JSON.parse(readFileSync(stateFile(root), 'utf8')) as LocalServer;
    const self = identifyProcess();
    // One of another boot of this machine has gone with it; of another machine nothing is known.
    const { host, boot } = server.process;
    const isOver = host === self.host && (boot !== self.boot || isSurelyDead(server.process, self));
    return isOver ? undefined : server;
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
