/** What a finished cell must have written: exit.json, and every declared output in the shape of its type. */
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { TSchema } from 'typebox';
import { DatasetManifest, Front, PolicyManifest, type ArtifactType } from '../../schemas/artifact.js';
import { Exit, type Failure } from '../../schemas/protocol.js';
import { err, ok, type Result } from '../../schemas/result.js';
import { failureFromSystem, systemCode } from './failures.js';
import { validator } from './validate.js';

/** Files that must stand in a directory of a type, and the schema of its manifest. */
interface Shape {
  readonly files: readonly string[];
  readonly manifest?: { readonly file: string; readonly schema: TSchema };
}

const shapes: Readonly<Record<Exclude<ArtifactType, 'file'>, Shape>> = {
  dataset: { files: ['rows.jsonl'], manifest: { file: 'manifest.json', schema: DatasetManifest } },
  tokenizer: { files: ['tokenizer.json'] },
  model: { files: ['config.json', 'model.safetensors', 'tokenizer.json'] },
  policy: { files: [], manifest: { file: 'policy.json', schema: PolicyManifest } },
  reward: { files: [] },
  front: { files: [], manifest: { file: 'front.json', schema: Front } },
  judgments: { files: [] },
  report: { files: ['index.html'] },
  directory: { files: [] },
};

/** Checks one output where it was written. The failure names what was expected and what was found. */
export async function checkOutput(
  name: string,
  type: ArtifactType,
  path: string,
): Promise<Result<void, Failure>> {
  try {
    const problem = type === 'file' ? expectFile(path) : await checkDirectory(type, path);
    return problem === undefined ? ok(undefined) : err(badOutput(name, type, problem));
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return err(failureFromSystem(error));
  }
}

function badOutput(name: string, type: ArtifactType, problem: string): Failure {
  const message = `the output ${JSON.stringify(name)} is no ${type}: ${problem}`;
  return { class: 'internal', code: 'output-invalid', message };
}

function expectFile(path: string): string | undefined {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ? undefined : 'expected a file, found none';
}

async function checkDirectory(
  type: Exclude<ArtifactType, 'file'>,
  path: string,
): Promise<string | undefined> {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return 'expected a folder, found none';
  const { files, manifest } = shapes[type];
  for (const file of [...files, ...(manifest ? [manifest.file] : [])]) {
    const problem = expectFile(join(path, file));
    if (problem !== undefined) return `${file}: ${problem}`;
  }
  if (!manifest) return undefined;
  const value = await readChecked(join(path, manifest.file), manifest.schema);
  if (!value.ok) return `${manifest.file}: ${value.error}`;
  return type === 'dataset' ? checkRows(path, value.value as DatasetManifest) : undefined;
}

async function checkRows(path: string, manifest: DatasetManifest): Promise<string | undefined> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(join(path, 'rows.jsonl'))) hash.update(chunk as Buffer);
  const found = hash.digest('hex');
  if (found === manifest.digest) return undefined;
  return `manifest.json says that rows.jsonl has SHA-256 ${manifest.digest}, found ${found}`;
}

/** Reads exit.json and checks that it belongs to this attempt. */
export async function readExit(path: string, nonce: string): Promise<Result<Exit, Failure>> {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) {
    return err(badExit('the worker said that it ended but left no exit.json'));
  }
  const value = await readChecked(path, Exit);
  if (!value.ok) return err(badExit(`exit.json: ${value.error}`));
  const exit = value.value as Exit;
  if (exit.nonce === nonce && exit.attempt === nonce) return ok(exit);
  return err(badExit('exit.json belongs to another attempt'));
}

function badExit(message: string): Failure {
  return { class: 'infrastructure', code: 'exit', message };
}

/** A JSON file of a schema, or what is wrong with it. */
async function readChecked(path: string, schema: TSchema): Promise<Result<unknown, string>> {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return err(`not JSON (${error.message})`);
  }
  const validate = await validator(schema);
  const problem = validate(value);
  return problem === undefined ? ok(value) : err(problem);
}
