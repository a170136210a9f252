/** Which engines this machine has and where each came from, without starting any. */
import { existsSync } from 'node:fs';
import type { EngineName } from '../engine-info.js';
import { engineNames } from '../engine-info.js';
import { findAddon } from '../native.js';
import { dawnAddon, dawnVersion } from '../places.js';

export interface EngineAt {
  readonly engine: EngineName;
  readonly present: boolean;
  /** Where it came from; where it is absent, why, and what would bring it. */
  readonly source: string;
}

export function listEngines(engines?: string): readonly EngineAt[] {
  return engineNames.map((engine) => ({ engine, ...finders[engine](engines) }));
}

/** The engine that runs where none is named. */
export function defaultEngine(engines?: string): EngineName {
  return findTensorFlow(engines).present ? 'tensorflow' : 'wasm';
}

type Find = (engines: string | undefined) => Omit<EngineAt, 'engine'>;

const finders: Readonly<Record<EngineName, Find>> = {
  wasm: () => ({ present: true, source: 'npm, with kernels of moft' }),
  tensorflow: findTensorFlow,
  webgpu: (engines) => {
    const path = dawnAddon(engines);
    return existsSync(path)
      ? { present: true, source: `Dawn ${dawnVersion} in ${path}` }
      : { present: false, source: 'not installed; `moft backend install webgpu` fetches Dawn' };
  },
  cpu: () => ({ present: true, source: 'npm, plain JavaScript, with kernels of moft: the last resort' }),
};

function findTensorFlow(engines: string | undefined): Omit<EngineAt, 'engine'> {
  const addon = findAddon(engines);
  if (!addon.ok) return { present: false, source: addon.error };
  if (!addon.value) {
    const source =
      'not installed; `moft backend link` builds it on the TensorFlow of pip, `moft backend install tensorflow` fetches one';
    return { present: false, source };
  }
  const { link, path } = addon.value;
  if (!link) return { present: true, source: `installer of tfjs-node, ${path}` };
  return { present: true, source: `linked with ${link.libraries[0]?.path ?? ''}` };
}
