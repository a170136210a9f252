/** Reading and writing a dataset artifact: manifest.json beside rows.jsonl, one JSON object a line. */
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TextDecoder } from 'node:util';
import { StageFailure, artifactFile, type ArtifactRef } from '../../runner/contract.js';
import { DatasetManifest } from '../../schemas/artifact.js';
import { canonicalJson, type Json } from '../../schemas/json.js';
import { matches } from '../../schemas/mismatch.js';
import { err, ok, type Result } from '../../schemas/result.js';
import { bytesOf, longestText, sizeText, wholeLines } from './pieces.js';
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
  await mkdir(folder, { recursive: true });
  const manifest: DatasetManifest = {
    v: 1,
    columns: columnsOf(content.rows),
    rewards: [...(content.rewards ?? [])],
    rows: content.rows.length,
    digest: await writeRows(join(folder, 'rows.jsonl'), content.rows),
    ...(content.world ? { world: content.world } : {}),
  };
  await writeFile(join(folder, 'manifest.json'), canonicalJson(manifest) + '\n');
  return manifest;
}

/** Characters that are written at once. */
const piece = 1 << 20;

/** Returns the SHA-256 of what it wrote. */
async function writeRows(path: string, rows: readonly Row[]): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path, 'w');
  try {
    for (const text of inPieces(rows)) {
      hash.update(text);
      await file.writeFile(text);
    }
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}

function* inPieces(rows: readonly Row[]): Generator<string> {
  let text = '';
  for (const row of rows) {
    text += canonicalJson(row as unknown as Json) + '\n';
    if (text.length < piece) continue;
    yield text;
    text = '';
  }
  yield text;
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
  const { rows, digest } = await readRows(bytesOf(artifactFile(artifact, 'rows.jsonl')));
  if (digest !== manifest.digest) throw damaged('rows.jsonl differs from the digest in manifest.json');
  if (!rows.ok) throw rows.error;
  if (rows.value.length !== manifest.rows)
    throw damaged(`rows.jsonl has ${rows.value.length} rows, manifest.json says ${manifest.rows}`);
  return { manifest, rows: rows.value };
}

/**
 * The rows, or what is wrong with them, and the SHA-256 of all bytes.
 *
 * @param longest bytes that become one text, at most
 */
export async function readRows(
  bytes: AsyncIterable<Buffer>,
  longest = longestText,
): Promise<{ readonly rows: Result<readonly Row[], StageFailure>; readonly digest: string }> {
  const hash = createHash('sha256');
  const rows: Row[] = [];
  let wrong: StageFailure | undefined;
  for await (const lines of wholeLines(bytes)) {
    hash.update(lines);
    if (wrong) continue;
    try {
      for (const line of textOf(lines, rows.length + 1, longest).split('\n'))
        if (line !== '') rows.push(parseJson(line, `rows.jsonl:${rows.length + 1}`) as Row);
    } catch (error) {
      if (!(error instanceof StageFailure)) throw error;
      wrong = error;
    }
  }
  return { rows: wrong ? err(wrong) : ok(rows), digest: hash.digest('hex') };
}

function textOf(lines: Buffer, from: number, longest: number): string {
  if (lines.length > longest)
    throw damaged(`rows.jsonl:${from} begins a text of ${sizeText(lines.length)}, over ${sizeText(longest)}`);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(lines);
  } catch {
    throw damaged(`rows.jsonl, from line ${from} on, is not UTF-8`);
  }
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
