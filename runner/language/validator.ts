import { createRequire } from 'node:module';
import type { Ajv, ErrorObject, ValidateFunction } from 'ajv';
import type { JsonObject } from '../../schemas/json.js';
import type { StageKind } from '../contract.js';
import { closed, type JsonSchema } from './schema.js';

/** The schema of a kind's values, closed, with its compiled check. */
export interface Validator {
  readonly schema: JsonSchema;
  readonly check: (values: JsonObject) => readonly ErrorObject[];
}

let ajv: Ajv | undefined;
const validators = new WeakMap<StageKind, Validator>();

/** The validator of a kind, compiled on first use; ajv itself is loaded then, too (60 ms). */
export function validatorOf(kind: StageKind): Validator {
  const known = validators.get(kind);
  if (known !== undefined) return known;
  const schema = closed(kind.with);
  const validate = compile(schema);
  const validator: Validator = {
    schema,
    check: (values) => (validate(values) ? [] : (validate.errors ?? [])),
  };
  validators.set(kind, validator);
  return validator;
}

function compile(schema: JsonSchema): ValidateFunction {
  ajv ??= new (load())({ allErrors: true, verbose: true, strict: false });
  return ajv.compile(schema);
}

function load(): typeof Ajv {
  const loaded = createRequire(import.meta.url)('ajv') as { Ajv: typeof Ajv };
  return loaded.Ajv;
}
