import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kinds } from '../../cli/kinds.js';
import { checkName, checkOptions } from '../../runner/execute/validate.js';
import { closed, withDefaults } from '../../runner/language/schema.js';
import { ajvOptions, schemaDigest, validatorFile } from '../../runner/language/validator.js';
import { DatasetManifest, Front, PolicyManifest } from '../../schemas/artifact.js';
import type { JsonObject } from '../../schemas/json.js';
import { Exit } from '../../schemas/protocol.js';

const require = createRequire(import.meta.url);
const folder = join(import.meta.dirname, '../../dist/validators');

type Built = ValidateFunction & { readonly digest: string };

const errorsOf = (validate: ValidateFunction, values: unknown): readonly ErrorObject[] =>
  validate(values) ? [] : (validate.errors ?? []);

/** Values that a person might write: some of the kind's keys, right, wrong and unknown. */
function written(keys: readonly string[]): fc.Arbitrary<JsonObject> {
  const value = fc.oneof(
    fc.constantFrom('constant', 'full', 'nli', '', -1, 0, 0.5, 3, true),
    fc.array(fc.constantFrom<string | number>('nli', 'rouge', 0, 1), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('from', 'weights', 'simplex', 'alpha', 'wrong'), fc.constantFrom(1, 'x')),
  );
  return fc.dictionary(fc.constantFrom(...keys, 'unknown'), value) as fc.Arbitrary<JsonObject>;
}

describe('checks compiled at build', () => {
  it.each([...kinds.values()])('say of $name what ajv says', (kind) => {
    const schema = closed(kind.with);
    const built = require(join(folder, validatorFile(kind.name))) as Built;
    expect(built.digest, 'dist is built of other sources: npm run build').toBe(schemaDigest(schema));
    const compiled = new Ajv(ajvOptions).compile(schema);
    let wrong = 0;
    fc.assert(
      fc.property(written(Object.keys(kind.with.properties)), (values) => {
        const filled = withDefaults(schema, values);
        const errors = errorsOf(compiled, filled);
        wrong += errors.length;
        expect(errorsOf(built, filled)).toEqual(errors);
      }),
    );
    expect(wrong).toBeGreaterThan(0);
  });

  it.each(Object.entries({ DatasetManifest, Exit, Front, PolicyManifest }))(
    'say of %s what ajv says',
    (_, schema) => {
      const built = require(join(folder, 'values.cjs')) as Readonly<Record<string, ValidateFunction>>;
      const check = built[checkName(schema)];
      if (!check) throw new Error('dist is built of other sources: npm run build');
      const compiled = new Ajv(checkOptions).compile(schema);
      fc.assert(
        fc.property(written(Object.keys(schema.properties)), (value) => {
          const located = (errors: readonly ErrorObject[]) =>
            errors.map(({ instancePath, message }) => ({ instancePath, message }));
          const found = located(errorsOf(compiled, value));
          expect(found).not.toEqual([]);
          expect(located(errorsOf(check, value))).toEqual(found);
        }),
      );
    },
  );
});
