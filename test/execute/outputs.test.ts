import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkOutput, checkRows, readExit } from '../../runner/execute/outputs.js';
import { sha256 } from '../../schemas/json.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'moft-outputs-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const rows = '{"prompt":"a"}\n';
const manifest = { v: 1, columns: ['prompt'], rewards: [], rows: 1, digest: sha256(rows) };

function dataset(content: object | string, text = rows): string {
  const path = join(folder, 'dataset');
  mkdirSync(path);
  writeFileSync(join(path, 'manifest.json'), typeof content === 'string' ? content : JSON.stringify(content));
  writeFileSync(join(path, 'rows.jsonl'), text);
  return path;
}

async function problem(path: string): Promise<string | undefined> {
  const result = await checkOutput('train', 'dataset', path);
  return result.ok ? undefined : result.error.message;
}

describe('an output', () => {
  it('in the shape of its type passes', async () => expect(await problem(dataset(manifest))).toBeUndefined());

  it('whose manifest is not JSON says so', async () =>
    expect(await problem(dataset('{'))).toMatch(
      /^the output "train" is no dataset: manifest\.json: not JSON/,
    ));

  it('whose manifest lacks a field names it', async () =>
    expect(await problem(dataset({ ...manifest, rows: undefined }))).toContain(
      "must have required property 'rows'",
    ));

  it('promises rows, which are refused where they are others', async () => {
    const checked = await checkOutput('train', 'dataset', dataset(manifest));
    expect(checked).toEqual({ ok: true, value: { rows: manifest.digest } });
    expect(checkRows('train', manifest.digest, manifest.digest).ok).toBe(true);
    const others = checkRows('train', manifest.digest, sha256('{"prompt":"b"}\n'));
    expect(others.ok ? '' : others.error.message).toContain('rows.jsonl has SHA-256');
  });

  it('that lacks a file names it', async () => {
    mkdirSync(join(folder, 'model'));
    const result = await checkOutput('model', 'model', join(folder, 'model'));
    expect(result.ok ? '' : result.error.message).toBe(
      'the output "model" is no model: config.json: expected a file, found none',
    );
  });
});

describe('exit.json', () => {
  const exit = { v: 1, attempt: 'n', nonce: 'n', epoch: 1, restarts: 0, status: 'done', outputs: {} };
  const write = (value: unknown): string => {
    const path = join(folder, 'exit.json');
    writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value));
    return path;
  };

  it('of the attempt is read', async () =>
    expect(await readExit(write(exit), 'n')).toMatchObject({ ok: true }));

  it.each([
    ['of another attempt', { ...exit, nonce: 'm' }, 'belongs to another attempt'],
    ['without a status', { ...exit, status: undefined }, 'status'],
    ['cut short', '{"v":1,', 'not JSON'],
  ])('%s is refused', async (_, value, message) => {
    const result = await readExit(write(value), 'n');
    expect(result.ok ? '' : result.error.message).toContain(message);
  });

  it('that is missing is a failure of the infrastructure', async () => {
    const result = await readExit(join(folder, 'none.json'), 'n');
    expect(result.ok ? '' : result.error.class).toBe('infrastructure');
  });
});
