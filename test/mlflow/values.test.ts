import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../schemas/json.js';
import { cutBatch } from '../../runner/track/mlflow/batches.js';
import { fitting, fittingName, readSettings } from '../../runner/track/mlflow/index.js';
import { answerProblem, networkProblem } from '../../runner/track/mlflow/problem.js';
import { pauseBefore, retrying } from '../../runner/track/mlflow/retry.js';
import { problem } from '../../runner/track/mlflow/problem.js';
import { isName } from '../../runner/track/mlflow/values.js';
import { err, ok, type Result } from '../../schemas/result.js';
import type { MlflowProblem } from '../../runner/track/mlflow/index.js';
import { errorOf, temporaryFolder, valueOf } from '../store/fixtures.js';

const metric = { key: 'loss', value: 1, timestamp: 1, step: 1 };

describe('values that a server would answer with 200 and spoil', () => {
  it.each([
    ['a fractional step', { metrics: [{ ...metric, step: 0.5 }] }],
    ['a step beyond what is exact', { metrics: [{ ...metric, step: 2 ** 63 }] }],
    ['a fractional time', { metrics: [{ ...metric, timestamp: 1.5 }] }],
    ['a time before 1970', { metrics: [{ ...metric, timestamp: -1 }] }],
    ['a name that leads out', { metrics: [{ ...metric, key: '../loss' }] }],
    ['a name with odd characters', { params: { 'a(b)': '1' } }],
    ['a name that is too long', { tags: { ['a'.repeat(251)]: '1' } }],
    ['a param that would be cut', { params: { a: 'x'.repeat(6_001) } }],
    ['a tag that would be cut', { tags: { a: 'x'.repeat(8_001) } }],
    ['half a surrogate pair', { tags: { a: 'x\ud800' } }],
  ])('%s is refused', (_, batch) => expect(errorOf(cutBatch(batch)).kind).toBe('invalid'));

  it('are made to fit without being lost', () => {
    const long = 'y'.repeat(9_000);
    const { batch, originals } = fitting({
      metrics: [{ ...metric, key: 'loss(train)' }],
      params: { 'a//b': '1', long },
      tags: { broken: 'x\ud800' },
    });
    const [name = ''] = batch.metrics.map(({ key }) => key);
    expect(originals.names).toEqual({ [name]: 'loss(train)', [fittingName('a//b')]: 'a//b' });
    expect(batch.tags[`moft.name.${sha256('loss(train)').slice(0, 8)}`]).toBe('loss(train)');
    expect(batch.params.long).toContain('9000 characters');
    expect(originals.params.long).toBe(long);
    expect(originals.tags.broken).toBe('x\ud800');
    valueOf(cutBatch(batch));
  });

  it('any name fits, an allowed one stays, and two names stay two', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
        expect(isName(fittingName(a))).toBe(true);
        if (isName(a)) expect(fittingName(a)).toBe(a);
        if (a !== b) expect(fittingName(a)).not.toBe(fittingName(b));
      }),
    );
  });

  it('any batch fits, and its calls hold every entity once, within what a call may have', () => {
    const text = fc.string({ unit: 'binary', maxLength: 30 });
    const metrics = fc.array(
      fc.record({ key: text, value: fc.double(), timestamp: fc.nat(), step: fc.nat() }),
      { maxLength: 3_000, size: 'max' },
    );
    fc.assert(
      fc.property(metrics, fc.dictionary(text, text, { maxKeys: 250 }), (points, pairs) => {
        const { batch } = fitting({ metrics: points, params: pairs, tags: pairs });
        const calls = valueOf(cutBatch(batch));
        expect(calls.flatMap((call) => call.metrics)).toHaveLength(points.length);
        expect(calls.flatMap((call) => call.params)).toHaveLength(Object.keys(batch.params).length);
        for (const call of calls) {
          expect(call.params.length).toBeLessThanOrEqual(100);
          expect(call.tags.length).toBeLessThanOrEqual(100);
          expect(call.params.length + call.tags.length + call.metrics.length).toBeLessThanOrEqual(1_000);
          expect(Buffer.byteLength(JSON.stringify(call))).toBeLessThan(1_000_000);
        }
        expect(valueOf(cutBatch(batch))).toEqual(calls);
      }),
      { numRuns: 20 },
    );
  });
});

describe('settings', () => {
  const home = { HOME: '/nowhere' };
  const headers = (uri: string, env: Record<string, string>): Readonly<Record<string, string>> =>
    valueOf(readSettings(uri, { ...home, ...env })).headers.reveal();
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

  it('take the address without credentials, a slash or a query', () => {
    const { address } = valueOf(readSettings('https://u:p@host:5000/mlflow/?x=1', home));
    expect(address).toBe('https://host:5000/mlflow');
  });

  it('send Basic before Bearer, the variables before the address, and the workspace', () => {
    const login = { MLFLOW_TRACKING_USERNAME: 'ü', MLFLOW_TRACKING_PASSWORD: 'p' };
    const token = { MLFLOW_TRACKING_TOKEN: 't', MLFLOW_WORKSPACE: 'w' };
    expect(headers('http://h', { ...login, ...token })).toEqual({
      authorization: basic('ü:p'),
      'x-mlflow-workspace': 'w',
    });
    expect(headers('http://a:b@h', token).authorization).toBe(basic('a:b'));
    expect(headers('http://h', token).authorization).toBe('Bearer t');
    expect(headers('http://h', {})).toEqual({});
  });

  it('read the file of credentials', () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, '.mlflow'));
    const text =
      '[other]\nmlflow_tracking_username = no\n[mlflow]\nmlflow_tracking_username = a\nmlflow_tracking_password = b\n';
    writeFileSync(join(folder, '.mlflow/credentials'), text);
    expect(headers('http://h', { HOME: folder }).authorization).toBe(basic('a:b'));
  });

  it('show no secret when they are printed', () => {
    const settings = valueOf(
      readSettings('http://u:hunter2@h', { ...home, MLFLOW_TRACKING_TOKEN: 'hunter2' }),
    );
    expect(JSON.stringify(settings)).not.toContain('hunter2');
    expect(JSON.stringify(settings)).not.toContain(basic('u:hunter2').slice(6));
    for (const uri of [
      'sqlite://u:hunter2@h/x',
      'http://u:x/hunter2@h:5000',
      'http://u:hun@hunter2@h:x',
      'u:hunter2@h',
    ])
      expect(errorOf(readSettings(uri, home)).message).not.toContain('hunter2');
  });

  it('refuse what is no server, contradictions, and certificates that are none', () => {
    for (const uri of ['mlruns', 'file:///x', 'sqlite:///x.db', 'databricks', 'http://'])
      expect(errorOf(readSettings(uri, home)).kind).toBe('invalid');
    const file = join(temporaryFolder(), 'ca.pem');
    writeFileSync(file, '-----BEGIN CERTIFICATE-----\n');
    const both = { MLFLOW_TRACKING_INSECURE_TLS: 'true', MLFLOW_TRACKING_SERVER_CERT_PATH: file };
    expect(errorOf(readSettings('https://h', { ...home, ...both })).message).toContain('both');
    const none = { MLFLOW_TRACKING_CLIENT_CERT_PATH: '/nowhere.pem' };
    expect(errorOf(readSettings('https://h', { ...home, ...none })).message).toContain('/nowhere.pem');
  });
});

describe('problems', () => {
  const answered = (status: number, body: string): MlflowProblem =>
    answerProblem({ status, body, what: 'POST /x at http://h' });

  it.each([
    [
      400,
      '{"error_code":"BAD_REQUEST","message":"QueuePool limit of size 5 overflow 10 reached"}',
      'busy',
      false,
    ],
    [
      500,
      '{"error_code":"INTERNAL_ERROR","message":"(sqlite3.OperationalError) database is locked"}',
      'busy',
      true,
    ],
    [502, '<html><title>Bad</title><body><h1>Bad Gateway</h1></body></html>', 'busy', true],
    [400, '{"error_code":"BAD_REQUEST","message":"UNIQUE constraint failed: inputs.x"}', 'exists', false],
    [400, '{"error_code":"RESOURCE_ALREADY_EXISTS","message":"x"}', 'exists', false],
    [401, 'You are not authenticated.', 'unauthorized', false],
    [403, 'Invalid Host header - possible DNS rebinding attack detected', 'forbidden', false],
    [404, '<!doctype html><title>404</title>', 'missing', false],
    [
      503,
      '{"detail":"Artifact serving is disabled. Run `mlflow server` with `--serve-artifacts`"}',
      'unsupported',
      false,
    ],
    [
      503,
      'Endpoint: x disabled due to the mlflow server running with `--no-serve-artifacts`',
      'unsupported',
      false,
    ],
    [307, '', 'rejected', false],
  ] as const)('%i %s is %s', (status, body, kind, unknown) => {
    expect(answered(status, body)).toMatchObject({ kind, status, unknown, passing: kind === 'busy' });
  });

  it('say in a line what a page of HTML says', () =>
    expect(answered(502, '<html><title>x</title><h1>Bad\n Gateway</h1></html>').message).toBe(
      'POST /x at http://h: status 502: Bad Gateway',
    ));

  it('tell what was never sent from what may have been done', () => {
    const thrown = (code: string): Error => Object.assign(new Error('x'), { code });
    expect(networkProblem(thrown('ECONNREFUSED'), 'http://h').unknown).toBe(false);
    expect(networkProblem(thrown('UND_ERR_SOCKET'), 'http://h').unknown).toBe(true);
    expect(() => networkProblem(new Error('a bug'), 'http://h')).toThrow('a bug');
  });
});

describe('trying again', () => {
  const patience = { tries: 4, first: 1, most: 4 };
  const failing = (
    made: MlflowProblem,
    times: number,
  ): { work: () => Promise<Result<string, MlflowProblem>>; calls: () => number } => {
    let calls = 0;
    return {
      work: () => Promise.resolve(++calls <= times ? err(made) : ok('done')),
      calls: () => calls,
    };
  };
  const busy = problem('busy', 'x');
  const lost = problem('unreachable', 'x', { unknown: true });

  it('ends with what passes', async () => {
    const { work, calls } = failing(busy, 3);
    expect(valueOf(await retrying({ patience, repeatable: false }, work))).toBe('done');
    expect(calls()).toBe(4);
  });

  it('ends after so many tries, with the last problem', async () => {
    const { work, calls } = failing(busy, 100);
    expect(errorOf(await retrying({ patience, repeatable: true }, work))).toBe(busy);
    expect(calls()).toBe(4);
  });

  it('does not repeat what can not pass, nor what may have been done and may not be done twice', async () => {
    for (const [made, repeatable] of [
      [problem('rejected', 'x'), true],
      [lost, false],
    ] as const) {
      const { work, calls } = failing(made, 100);
      errorOf(await retrying({ patience, repeatable }, work));
      expect(calls()).toBe(1);
    }
  });

  it('waits longer each time, up to a bound', () => {
    const waits = [2, 3, 4, 5, 6].map((n) => pauseBefore(n, { tries: 9, first: 100, most: 400 }, 1));
    expect(waits).toEqual([100, 200, 400, 400, 400]);
    expect(pauseBefore(2, { tries: 9, first: 100, most: 400 }, 0)).toBe(50);
  });
});
