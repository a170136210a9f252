/** Checks of values against schemas; ajv is loaded only where one is needed. */
import type { TSchema } from 'typebox';

/** What is wrong with a value, or undefined. */
export type Validate = (value: unknown) => string | undefined;

const validators = new Map<TSchema, Promise<Validate>>();

export function validator(schema: TSchema): Promise<Validate> {
  const known = validators.get(schema) ?? compile(schema);
  validators.set(schema, known);
  return known;
}

async function compile(schema: TSchema): Promise<Validate> {
  const { Ajv } = await import('ajv');
  const ajv = new Ajv({ strict: false, allErrors: false });
  const validate = ajv.compile(schema);
  return (value) => (validate(value) ? undefined : ajv.errorsText(validate.errors, { dataVar: 'it' }));
}
