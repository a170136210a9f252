/** A language model's folder: config.json, model.safetensors, and expected.json with what another library computed. */
import { StageFailure } from '../../runner/contract.js';
import type { Outcome } from './report.js';

/** One outcome a group of figures; a model of a kind that we don't run is one unknown group. */
export async function checkModelFolder(name: string, folder: string): Promise<Outcome[]> {
  const { checkHuggingFaceModel } = await import('../../stages/lm/oracle.js');
  try {
    const groups = await checkHuggingFaceModel(folder);
    return groups.map(({ group, error, tolerance }) => ({
      kind: 'checked',
      group: `${name} ${group}`,
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
