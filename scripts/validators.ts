/**
 * Compiles, after tsc, the checks that would else need ajv, whose loading takes longer than most of what moft does: of
 * each kind's settings, dist/validators/<kind>.cjs, and of what a cell writes, dist/validators/values.cjs.
 */
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Ajv } from 'ajv';
import type { TSchema } from 'typebox';
import type Standalone from 'ajv/dist/standalone/index.js';
import { kinds } from '../cli/kinds.js';
import { closed } from '../runner/language/schema.js';
import { checkName, checkOptions, checksFile } from '../runner/execute/validate.js';
import { ajvOptions, schemaDigest, validatorFile } from '../runner/language/validator.js';
import { DatasetManifest, Front, PolicyManifest } from '../schemas/artifact.js';
import { Exit, StageEventBody } from '../schemas/protocol.js';

const require = createRequire(import.meta.url);
const { Ajv: Compiler } = require('ajv') as { Ajv: typeof Ajv };
const { default: standalone } = require('ajv/dist/standalone') as { default: typeof Standalone.default };

const dist = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const folder = path.join(dist, 'validators');
fs.rmSync(folder, { recursive: true, force: true });
fs.mkdirSync(folder);
for (const kind of kinds.values()) {
  const schema = closed(kind.with);
  const ajv = new Compiler({ ...ajvOptions, code: { source: true } });
  const code = standalone(ajv, ajv.compile(schema));
  const digest = `module.exports.digest = ${JSON.stringify(schemaDigest(schema))};`;
  fs.writeFileSync(path.join(folder, validatorFile(kind.name)), `${code}\n${digest}\n`);
}

const values: readonly TSchema[] = [
  ...[DatasetManifest, Front, PolicyManifest, Exit],
  ...StageEventBody.anyOf.flatMap((form) => Object.values<TSchema>(form.properties)),
];
const byName = new Map(values.map((schema) => [checkName(schema), schema]));
const ajv = new Compiler({ ...checkOptions, code: { source: true } });
for (const [name, schema] of byName) ajv.addSchema(schema, name);
const names = Object.fromEntries([...byName.keys()].map((name) => [name, name]));
fs.writeFileSync(path.join(dist, checksFile), standalone(ajv, names));
