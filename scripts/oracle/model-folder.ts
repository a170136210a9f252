/** A language model's folder: config.json, model.safetensors, and expected.json with what another library computed. */
import { StageFailure } from '../../runner/contract.js';
import type { EngineName } from '../../stages/backend/engine-info.js';
import type { Outcome } from './report.js';

/** One outcome a group of figures, on every engine of this machine; a model of a kind that we don't run is one unknown group. */
export async function checkModelFolder(name: string, folder: string): Promise<Outcome[]> {
  const { listEngines } = await import('../../stages/backend/manage/inventory.js');
  const { enginesFolder } = await import('../../stages/backend/places.js');
  const outcomes: Outcome[] = [];
  for (const { engine, present } of listEngines(enginesFolder()))
    if (present) outcomes.push(...(await checkOn(engine, name, folder)));
  return outcomes;
}

async function checkOn(engine: EngineName, name: string, folder: string): Promise<Outcome[]> {
  const { checkHuggingFaceModel } = await import('../../stages/lm/oracle.js');
  try {
    const groups = await checkHuggingFaceModel(folder, engine);
    return groups.map(({ group, error, tolerance }) => ({
      kind: 'checked',
      group: `${name} ${group} on ${engine}`,
      shape: 'language model',
      errors: { [group]: error },
      tolerance,
    }));
  } catch (error) {
    if (error instanceof StageFailure)
      return [{ kind: 'unknown', group: name, reason: `unknown group, ${error.message}` }];
    throw error;
  }
}
