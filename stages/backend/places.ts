/** Where the parts of engines lie that npm does not bring. Outside of node_modules, which `npm ci` replaces. */
import { homedir } from 'node:os';
import { join } from 'node:path';

type Variables = Readonly<Record<string, string | undefined>>;

/** One folder for all projects of a user: an engine belongs to the machine. */
export function enginesFolder(env: Variables = process.env): string {
  const given = env.MOFT_ENGINES ?? '';
  if (given !== '') return given;
  const cache = env.XDG_CACHE_HOME ?? '';
  return join(cache === '' ? join(env.HOME ?? homedir(), '.cache') : cache, 'moft', 'engines');
}

/** Of Dawn, as npm lays it. */
export const dawnVersion = '0.6.2';

/** The addon of Dawn for this machine, in its npm package. */
export function dawnAddon(engines = enginesFolder()): string {
  const machine = process.platform === 'darwin' ? 'darwin-universal' : `${process.platform}-${process.arch}`;
  return join(engines, `webgpu-${dawnVersion}`, 'node_modules', 'webgpu', 'dist', machine, 'dawn.node');
}

/** What `moft backend link` made: the addon of tfjs-node, and the record of what it was made with. */
export function linkFolder(engines = enginesFolder()): string {
  return join(engines, 'tensorflow');
}
