/** The state of a training on the way, to the last bit: parameters, optimiser, and what was counted so far. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Json } from '../../schemas/json.js';
import {
  exportState,
  importState,
  readSafetensors,
  writeSafetensors,
  type OptimizerState,
} from '../lm/index.js';
import type { NamedTensors } from '../lm/types.js';

export interface TrainingState<Notes extends Json = Json> {
  readonly parameters: NamedTensors;
  readonly optimizer: OptimizerState;
  /** What else the loop carries along: counts, figures that wait to be averaged. */
  readonly notes: Notes;
}

/** Random streams are named by (seed, purpose, step), so none has a state of its own to keep. */
export async function saveState(
  folder: string,
  { parameters, optimizer, notes }: TrainingState,
): Promise<void> {
  const { step, tensors } = exportState(optimizer);
  await writeSafetensors(join(folder, 'parameters.safetensors'), parameters);
  await writeSafetensors(join(folder, 'optimizer.safetensors'), tensors);
  await writeFile(join(folder, 'state.json'), JSON.stringify({ step, notes }));
}

/** The caller disposes the tensors. */
export async function loadState<Notes extends Json>(folder: string): Promise<TrainingState<Notes>> {
  const { step, notes } = JSON.parse(await readFile(join(folder, 'state.json'), 'utf8')) as {
    readonly step: number;
    readonly notes: Notes;
  };
  return {
    parameters: await readSafetensors(join(folder, 'parameters.safetensors')),
    optimizer: importState({ step, tensors: await readSafetensors(join(folder, 'optimizer.safetensors')) }),
    notes,
  };
}
