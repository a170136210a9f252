/** Checks of values against schemas: those made at build, or compiled now, for which ajv is loaded (100 ms). */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { ErrorObject, ValidateFunction } from 'ajv';
import type { TSchema } from 'typebox';
import { sha256 } from '../../schemas/json.js';
import { loadOwn } from './worker/loads.js';

/** What is wrong with a value, or undefined. */
export type Validate = (value: unknown) => string | undefined;

export const checkOptions = { strict: false, allErrors: false } as const;

/** Below dist: a check under the name of its schema each, made by scripts/validators.ts. */
export const checksFile = 'validators/values.cjs';

/** A name in JavaScript of the very schema: where the schema is another, its check is not found. */
export const checkName = (schema: TSchema): string => `check_${sha256(JSON.stringify(schema)).slice(0, 32)}`;

const validators = new Map<TSchema, Promise<Validate>>();
let built: Readonly<Record<string, ValidateFunction>> | undefined;

export function validator(schema: TSchema): Promise<Validate> {
  const known = validators.get(schema) ?? make(schema);
  validators.set(schema, known);
  return known;
}

async function make(schema: TSchema): Promise<Validate> {
  built ??= loadBuilt();
  const validate = built[checkName(schema)] ?? (await compile(schema));
  return (value) => (validate(value) ? undefined : textOf(validate.errors ?? []));
}

/** None where the sources are run uncompiled. */
function loadBuilt(): Readonly<Record<string, ValidateFunction>> {
  const file = fileURLToPath(new URL(`../../${checksFile}`, import.meta.url));
  if (!existsSync(file)) return {};
  const require = createRequire(import.meta.url);
  return loadOwn(() => require(file) as Readonly<Record<string, ValidateFunction>>);
}

async function compile(schema: TSchema): Promise<ValidateFunction> {
  const { Ajv } = await import('ajv');
  return new Ajv(checkOptions).compile(schema);
}

const textOf = (errors: readonly ErrorObject[]): string =>
  errors.map(({ instancePath, message = 'is wrong' }) => `it${instancePath} ${message}`).join(', ');
