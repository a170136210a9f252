import type { JsonObject } from '../../schemas/json.js';

const fields = ['arch', 'backend', 'engine', 'node', 'threads'] as const;

/** What decides the last bit of a result, of all that a worker tells of itself; of Node the major version. */
export function numericEnvironment(environment: JsonObject): JsonObject {
  return Object.fromEntries(
    fields.flatMap((name) => {
      const value = environment[name];
      if (value === undefined) return [];
      return [[name, name === 'node' && typeof value === 'string' ? (value.split('.')[0] ?? value) : value]];
    }),
  );
}
