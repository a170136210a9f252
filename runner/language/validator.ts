import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Ajv, ErrorObject, ValidateFunction } from 'ajv';
import { sha256, type JsonObject } from '../../schemas/json.js';
import type { StageKind } from '../contract.js';
import { closed, type JsonSchema } from './schema.js';

/** The schema of a kind's values, closed, with its compiled check. */
export interface Validator {
  readonly schema: JsonSchema;
  readonly check: (values: JsonObject) => readonly ErrorObject[];
}

/** A check that scripts/validators.ts compiled, and the digest of the schema that it was made of. */
type BuiltValidator = ValidateFunction & { readonly digest?: string };

export const ajvOptions = { allErrors: true, verbose: true, strict: false } as const;

const require = createRequire(import.meta.url);
let ajv: Ajv | undefined;
const validators = new WeakMap<StageKind, Validator>();

/** The validator of a kind: the one made at build, or one compiled now, for which ajv is loaded (100 ms). */
export function validatorOf(kind: StageKind): Validator {
  const known = validators.get(kind);
  if (known !== undefined) return known;
  const schema = closed(kind.with);
  const validate = builtValidator(kind.name, schema) ?? compile(schema);
  const validator: Validator = {
    schema,
    check: (values) => (validate(values) ? [] : (validate.errors ?? [])),
  };
  validators.set(kind, validator);
  return validator;
}

/** File of a kind's check below dist/validators. */
export const validatorFile = (kind: string): string => `${kind.replaceAll('/', '-')}.cjs`;

export const schemaDigest = (schema: JsonSchema): string => sha256(JSON.stringify(schema));

/** None where the sources are run uncompiled, and for a kind whose schema is another one than was built. */
function builtValidator(kind: string, schema: JsonSchema): ValidateFunction | undefined {
  const file = fileURLToPath(new URL(`../../validators/${validatorFile(kind)}`, import.meta.url));
  if (!existsSync(file)) return undefined;
  const built = require(file) as BuiltValidator;
  return built.digest === schemaDigest(schema) ? built : undefined;
}

function compile(schema: JsonSchema): ValidateFunction {
  ajv ??= new (require('ajv') as { Ajv: typeof Ajv }).Ajv(ajvOptions);
  return ajv.compile(schema);
}
