/** Reading and writing a dataset artifact: manifest.json beside rows.jsonl, one JSON object a line. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StageFailure, artifactFile, type ArtifactRef } from '../../runner/contract.js';
import { DatasetManifest } from '../../schemas/artifact.js';
import { canonicalJson, sha256, type Json } from '../../schemas/json.js';
import { matches } from '../../schemas/mismatch.js';
import type { Row } from './types.js';

/** A dataset in memory: what stands in the artifact, checked. */
export interface Dataset {
  readonly manifest: DatasetManifest;
  readonly rows: readonly Row[];
}

export interface DatasetContent {
  readonly rows: readonly Row[];
  /** Names of the rewards that the rows themselves can answer; default none. */
  readonly rewards?: readonly string[];
  /** The exact world that the rows come from. */
  readonly world?: NonNullable<DatasetManifest['world']>;
}

/**
 * Writes a dataset into `folder` (made if absent) and returns its manifest.
 * The bytes depend on the content alone: keys are sorted, and no clock, host or path is written.
 */
export async function writeDataset(folder: string, content: DatasetContent): Promise<DatasetManifest> {
  const text = content.rows.map((row) => canonicalJson(row as unknown as Json) + '\n').join('');
  const manifest: DatasetManifest = {
    v: 1,
    columns: columnsOf(content.rows),
    rewards: [...(content.rewards ?? [])],
    rows: content.rows.length,
    digest: sha256(text),
    ...(content.world ? { world: content.world } : {}),
  };
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'rows.jsonl'), text);
  await writeFile(join(folder, 'manifest.json'), canonicalJson(manifest) + '\n');
  return manifest;
}

const columnOrder = ['id', 'prompt', 'response', 'references', 'chosen', 'rejected', 'facts'] as const;

/** The columns that every row has, in their conventional order. */
function columnsOf(rows: readonly Row[]): string[] {
  return columnOrder.filter((column) => rows.every((row) => row[column] !== undefined));
}

/**
 * Opens a dataset artifact. Throws a StageFailure where the artifact is not a dataset (a foreign folder) or where
 * its rows are not those that the manifest counts and digests.
 */
export async function openDataset(artifact: ArtifactRef): Promise<Dataset> {
  const manifest = parseJson(
    await readFile(artifactFile(artifact, 'manifest.json'), 'utf8'),
    'manifest.json',
  );
  if (!matches(DatasetManifest, manifest)) throw damaged('manifest.json is not the manifest of a dataset');
  const text = await readFile(artifactFile(artifact, 'rows.jsonl'), 'utf8');
  if (sha256(text) !== manifest.digest) throw damaged('rows.jsonl differs from the digest in manifest.json');
  const rows = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line, i) => parseJson(line, `rows.jsonl:${i + 1}`) as Row);
  if (rows.length !== manifest.rows)
    throw damaged(`rows.jsonl has ${rows.length} rows, manifest.json says ${manifest.rows}`);
  return { manifest, rows };
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw damaged(`${where} is not JSON`);
  }
}

function damaged(what: string): StageFailure {
  return new StageFailure('user', 'dataset-damaged', `the dataset can't be read: ${what}`);
}
