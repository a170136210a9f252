/** What a finished cell must have written: exit.json, and every declared output in the shape of its type. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { TSchema } from 'typebox';
import { DatasetManifest, Front, PolicyManifest, type ArtifactType } from '../../schemas/artifact.js';
import { Exit, type Failure } from '../../schemas/protocol.js';
import { err, ok, type Result } from '../../schemas/result.js';
import { errorCode } from '../store/problem.js';
import { failureFromSystem } from './failures.js';
import { validator } from './validate.js';

/** Files that must stand in a directory of a type, and the schema of its manifest. */
interface Shape {
  readonly files: readonly string[];
  readonly manifest?: { readonly file: string; readonly schema: TSchema };
}

export const rowsFile = 'rows.jsonl';

const shapes: Readonly<Record<Exclude<ArtifactType, 'file'>, Shape>> = {
  dataset: { files: [rowsFile], manifest: { file: 'manifest.json', schema: DatasetManifest } },
  tokenizer: { files: ['tokenizer.json'] },
  model: { files: ['config.json', 'model.safetensors', 'tokenizer.json'] },
  policy: { files: [], manifest: { file: 'policy.json', schema: PolicyManifest } },
  reward: { files: [] },
  front: { files: [], manifest: { file: 'front.json', schema: Front } },
  judgments: { files: [] },
  report: { files: ['index.html'] },
  directory: { files: [] },
};

/** What an output says of its content, for whoever hashes it. */
export interface Promised {
  /** SHA-256 of a dataset's rows. */
  readonly rows?: string;
}

/** Checks one output where it was written. The failure names what was expected and what was found. */
export async function checkOutput(
  name: string,
  type: ArtifactType,
  path: string,
): Promise<Result<Promised, Failure>> {
  try {
    const checked = type === 'file' ? checkFile(path) : await checkDirectory(type, path);
    return checked.ok ? checked : err(badOutput(name, type, checked.error));
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    return err(failureFromSystem(error));
  }
}

/** @param found SHA-256 of the rows as they are */
export function checkRows(name: string, promised: string, found: string): Result<void, Failure> {
  if (found === promised) return ok(undefined);
  const problem = `manifest.json says that ${rowsFile} has SHA-256 ${promised}, found ${found}`;
  return err(badOutput(name, 'dataset', problem));
}

function badOutput(name: string, type: ArtifactType, problem: string): Failure {
  const message = `the output ${JSON.stringify(name)} is no ${type}: ${problem}`;
  return { class: 'internal', code: 'output-invalid', message };
}

function expectFile(path: string): string | undefined {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ? undefined : 'expected a file, found none';
}

function checkFile(path: string): Result<Promised, string> {
  const problem = expectFile(path);
  return problem === undefined ? ok({}) : err(problem);
}

async function checkDirectory(
  type: Exclude<ArtifactType, 'file'>,
  path: string,
): Promise<Result<Promised, string>> {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return err('expected a folder, found none');
  const { files, manifest } = shapes[type];
  for (const file of [...files, ...(manifest ? [manifest.file] : [])]) {
    const problem = expectFile(join(path, file));
    if (problem !== undefined) return err(`${file}: ${problem}`);
  }
  if (!manifest) return ok({});
  const value = await readChecked(join(path, manifest.file), manifest.schema);
  if (!value.ok) return err(`${manifest.file}: ${value.error}`);
  return ok(type === 'dataset' ? { rows: (value.value as DatasetManifest).digest } : {});
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
