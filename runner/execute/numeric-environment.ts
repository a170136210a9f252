import { canonicalJson, type JsonObject } from '../../schemas/json.js';
import type { Failure } from '../../schemas/protocol.js';
import { numericEnvironment } from '../plan/index.js';

/** Why a result must not be recorded: its key names a numeric environment, and it was computed in another one. */
export function otherEnvironment(
  promised: JsonObject | undefined,
  environment: JsonObject,
): Failure | undefined {
  if (promised === undefined) return undefined;
  const found = canonicalJson(numericEnvironment(environment));
  if (canonicalJson(promised) === found) return undefined;
  return {
    class: 'environment',
    code: 'numeric-environment',
    message: `\`reproducible: strict\` planned for ${canonicalJson(promised)}, and the worker computed with ${found}; plan again`,
  };
}
