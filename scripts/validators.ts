/**
 * Compiles, after tsc, the check of each kind's values: dist/validators/<kind>.cjs, which runner/language/validator.ts
 * takes instead of loading ajv, most of the time of `moft check`.
 */
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Ajv } from 'ajv';
import type Standalone from 'ajv/dist/standalone/index.js';
import { kinds } from '../cli/kinds.js';
import { closed } from '../runner/language/schema.js';
import { ajvOptions, schemaDigest, validatorFile } from '../runner/language/validator.js';

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
