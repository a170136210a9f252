import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  createClient,
  fileUpload,
  textUpload,
  type MlflowClient,
  type Run,
} from '../../runner/track/mlflow/index.js';
import { SecretHeaders } from '../../runner/track/mlflow/settings.js';
import { errorOf, temporaryFolder, valueOf } from '../store/fixtures.js';
import { isReady, programs } from './server.js';
import { address, client, impatient, now, settingsOf, unique } from './shared.js';

async function freshRun(mlflow: MlflowClient, name = 'run'): Promise<Run> {
  const experiment = valueOf(await mlflow.experiment(unique('experiment')));
  return valueOf(await mlflow.run({ experiment: experiment.id, name, start: now, clientKey: unique('key') }));
}

async function gather(body: AsyncIterable<Uint8Array> | undefined): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  if (body) for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe.skipIf(!programs)('a client of a released MLflow server', () => {
  beforeAll(() => isReady(address));

  it('asks for health and version', async () => {
    const mlflow = client();
    valueOf(await mlflow.health());
    expect(valueOf(await mlflow.version())).toMatch(/^\d+\.\d+\.\d+/);
  });

  it('makes an experiment once, whoever asks for it at the same time, and tags it', async () => {
    const mlflow = client();
    const name = unique('moft/three rewards');
    const made = await Promise.all(Array.from({ length: 8 }, () => mlflow.experiment(name)));
    expect(new Set(made.map((one) => valueOf(one).id)).size).toBe(1);
    const { id } = valueOf(await mlflow.experiment(name));
    valueOf(await mlflow.tagExperiment(id, { 'moft.pipeline': 'p', long: 'x'.repeat(19_999) }));
    expect(valueOf(await mlflow.experimentOf(id))?.tags['moft.pipeline']).toBe('p');
    expect(valueOf(await mlflow.experiments(`name = '${name}'`)).map((one) => one.id)).toEqual([id]);
    expect(valueOf(await mlflow.experimentNamed(unique('none')))).toBeUndefined();
  });

  it('says how to get a deleted experiment back', async () => {
    const mlflow = client();
    const { id, name } = valueOf(await mlflow.experiment(unique('gone')));
    await fetch(`${address}/api/2.0/mlflow/experiments/delete`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ experiment_id: id }),
    });
    const refused = errorOf(await mlflow.experiment(name));
    expect(refused.hint).toContain(`mlflow experiments restore --experiment-id ${id}`);
    valueOf(await mlflow.restoreExperiment(id));
    expect(valueOf(await mlflow.experiment(name)).id).toBe(id);
  });

  it('makes a run once a client key, and keeps its start, name, status and end', async () => {
    const mlflow = client();
    const { id: experiment } = valueOf(await mlflow.experiment(unique('runs')));
    const wanted = {
      experiment,
      name: 'clp seed 0',
      start: now,
      clientKey: unique('r1/clp/seed=0,reward=nli'),
      tags: { a: 'b' },
    };
    const first = valueOf(await mlflow.run(wanted));
    const second = valueOf(await mlflow.run(wanted));
    expect(second.id).toBe(first.id);
    valueOf(await mlflow.update(first.id, { status: 'KILLED', end: now + 5, name: 'other' }));
    const read = valueOf(await mlflow.runOf(first.id));
    expect(read).toMatchObject({
      name: 'other',
      status: 'KILLED',
      start: now,
      end: now + 5,
      tags: { a: 'b' },
    });
    expect(valueOf(await mlflow.runOf('0'.repeat(32)))).toBeUndefined();
    expect(errorOf(await mlflow.run({ ...wanted, clientKey: `it's "one"` })).kind).toBe('invalid');
  });

  it('keeps one of two runs of the same client key, the one that was written to', async () => {
    const mlflow = client();
    const { id: experiment } = valueOf(await mlflow.experiment(unique('twice')));
    const [one, two] = [unique('one'), unique('two')];
    const made = [];
    for (const key of [one, two])
      made.push(valueOf(await mlflow.run({ experiment, name: 'r', start: now, clientKey: key })));
    const [a, b] = made as [Run, Run];
    valueOf(await mlflow.log(b.id, { tags: { 'moft.client_key': one }, params: { kept: '1' } }));
    expect(valueOf(await mlflow.runWithKey(experiment, one))?.id).toBe(b.id);
    expect(valueOf(await mlflow.runOf(a.id))?.deleted).toBe(true);
  });

  it('logs batches of any size, and the same again changes nothing', async () => {
    const mlflow = client();
    const run = await freshRun(mlflow);
    const metrics = Array.from({ length: 2_500 }, (_, step) => ({
      key: step % 2 === 0 ? 'loss' : 'rewards/nli/mean',
      value: Math.sin(step) * 10 ** (step % 30),
      timestamp: now + step,
      step,
    }));
    const params = Object.fromEntries(Array.from({ length: 230 }, (_, n) => [`p${n}`, `v${n}`]));
    const tags = Object.fromEntries(Array.from({ length: 130 }, (_, n) => [`t${n}`, 'é'.repeat(n)]));
    for (let turn = 0; turn < 2; turn++) valueOf(await mlflow.log(run.id, { metrics, params, tags }));
    const read = valueOf(await mlflow.runOf(run.id));
    expect(read?.params).toEqual(params);
    expect(read?.tags).toMatchObject(tags);
    for (const key of ['loss', 'rewards/nli/mean']) {
      const history = valueOf(await mlflow.history(run.id, key));
      expect([...history].sort((x, y) => x.step - y.step)).toEqual(metrics.filter((one) => one.key === key));
    }
  });

  it('tells the server NaN and infinities by name', async () => {
    const mlflow = client();
    const run = await freshRun(mlflow);
    const metrics = [NaN, Infinity, -Infinity, 0.1].map((value, step) => ({
      key: 'm',
      value,
      timestamp: now,
      step,
    }));
    valueOf(await mlflow.log(run.id, { metrics }));
    const read = [...valueOf(await mlflow.history(run.id, 'm'))].sort((a, b) => a.step - b.step);
    expect(read.map(({ value }) => value)).toEqual([NaN, Number.MAX_VALUE, -Number.MAX_VALUE, 0.1]);
  });

  it('logs datasets with their digest and context', async () => {
    const mlflow = client();
    const run = await freshRun(mlflow);
    const dataset = {
      name: 'news',
      digest: 'd'.repeat(36),
      sourceType: 'moft',
      source: '{"cell":"news"}',
      schema: '{}',
    };
    for (let turn = 0; turn < 2; turn++)
      valueOf(await mlflow.inputs(run.id, { datasets: [{ ...dataset, context: 'train' }] }));
    expect(valueOf(await mlflow.runOf(run.id))?.datasets).toEqual([{ ...dataset, context: 'train' }]);
    expect(
      errorOf(await mlflow.inputs(run.id, { datasets: [{ ...dataset, digest: 'd'.repeat(37) }] })).kind,
    ).toBe('invalid');
  });

  it('searches through pages', async () => {
    const mlflow = client();
    const { id: experiment } = valueOf(await mlflow.experiment(unique('pages')));
    const parent = valueOf(
      await mlflow.run({ experiment, name: 'parent', start: now, clientKey: unique('p') }),
    );
    await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        mlflow.run({
          ...{ experiment, name: `c${n}`, start: now + n, clientKey: unique('c') },
          tags: { 'mlflow.parentRunId': parent.id },
        }),
      ),
    );
    const filter = `tags.\`mlflow.parentRunId\` = '${parent.id}'`;
    const children = valueOf(
      await mlflow.runs({ experiments: [experiment], filter, orderBy: ['start_time ASC'] }),
    );
    expect(children.map(({ name }) => name)).toEqual(Array.from({ length: 12 }, (_, n) => `c${n}`));
    expect(valueOf(await mlflow.runs({ experiments: [experiment], limit: 5 }))).toHaveLength(5);
  });

  it('streams artifacts up and down by the address of the run, lists and removes them', async () => {
    const mlflow = client();
    const run = await freshRun(mlflow);
    const folder = valueOf(mlflow.artifacts(run.artifactUri));
    const bytes = randomBytes(3_000_000);
    const file = join(temporaryFolder(), 'big.bin');
    writeFileSync(file, bytes);
    valueOf(await folder.put('model/weights é, seed=1 (2)+.safetensors', fileUpload(file)));
    valueOf(await folder.put('report.html', textUpload('<p>ü</p>')));
    const back = await gather(valueOf(await folder.get('model/weights é, seed=1 (2)+.safetensors')));
    expect(createHash('sha256').update(back).digest('hex')).toBe(
      createHash('sha256').update(bytes).digest('hex'),
    );
    expect(valueOf(await folder.list())).toEqual(
      expect.arrayContaining([
        { path: 'model', folder: true, bytes: 0 },
        { path: 'report.html', folder: false, bytes: 9 },
      ]),
    );
    expect(valueOf(await folder.list('model'))[0]).toMatchObject({
      path: 'model/weights é, seed=1 (2)+.safetensors',
    });
    valueOf(await folder.remove('report.html'));
    expect(valueOf(await folder.get('report.html'))).toBeUndefined();
    expect(valueOf(await folder.list('nowhere'))).toEqual([]);
    for (const name of ['../x', 'a//b', '/x', 'a#b', 'a%2e', 'a\\b', 'a\nb'])
      expect(errorOf(await folder.put(name, textUpload(''))).kind).toBe('invalid');
  });

  it('makes a logged model once, with files of its own, as the output of a run', async () => {
    const mlflow = client();
    const run = await freshRun(mlflow);
    const wanted = {
      ...{ experiment: run.experiment, name: 'clp-full', sourceRun: run.id, clientKey: unique('model') },
      ...{ type: 'policy', params: { alpha: '0.05' }, tags: { method: 'clp' } },
    };
    const model = valueOf(await mlflow.model(wanted));
    expect(valueOf(await mlflow.model(wanted)).id).toBe(model.id);
    valueOf(await valueOf(mlflow.artifacts(model.artifactUri)).put('policy.json', textUpload('{}')));
    valueOf(await mlflow.tagModel(model.id, { more: 'yes' }));
    valueOf(await mlflow.finishModel(model.id, 'READY'));
    for (let turn = 0; turn < 2; turn++)
      valueOf(await mlflow.outputs(run.id, [{ model: model.id, step: 0 }]));
    const reader = await freshRun(mlflow, 'reader');
    for (let turn = 0; turn < 2; turn++) valueOf(await mlflow.inputs(reader.id, { models: [model.id] }));
    expect(valueOf(await mlflow.runOf(reader.id))).toMatchObject({ modelInputs: [model.id], models: [] });
    const read = valueOf(await mlflow.modelOf(model.id));
    expect(read).toMatchObject({
      status: 'LOGGED_MODEL_READY',
      params: { alpha: '0.05' },
      tags: { more: 'yes' },
    });
    expect(valueOf(await mlflow.runOf(run.id))?.models).toEqual([model.id]);
    expect(valueOf(await mlflow.models([run.experiment])).map(({ id }) => id)).toEqual([model.id]);
    expect(valueOf(await mlflow.modelOf('m-0'))).toBeUndefined();
  });

  it('puts traces with an assessment, linked to their run; twice is once', async () => {
    const mlflow = client();
    const run = await freshRun(mlflow);
    const hex = randomBytes(16).toString('hex');
    const trace = {
      ...{
        id: `tr-${hex}`,
        experiment: run.experiment,
        run: run.id,
        name: 'judge',
        start: now,
        milliseconds: 250,
      },
      ...{ ok: true, request: { prompt: 'x' }, response: { verdict: 'A' } },
    };
    const verdict = {
      ...{ id: `a-${hex}`, trace: trace.id, name: 'better', value: 'A', rationale: 'shorter', time: now },
      source: { kind: 'LLM_JUDGE', id: 'a-model' } as const,
    };
    for (let turn = 0; turn < 2; turn++) {
      valueOf(await mlflow.putTrace(trace));
      valueOf(await mlflow.putAssessment(verdict));
    }
    const read = valueOf(await mlflow.traceOf(trace.id));
    expect(read?.state).toBe('OK');
    expect(read?.assessments).toEqual([{ id: verdict.id, name: 'better', value: 'A', rationale: 'shorter' }]);
    const linked = valueOf(
      await mlflow.traces([run.experiment], `metadata.\`mlflow.sourceRun\` = '${run.id}'`),
    );
    expect(linked.map(({ id }) => id)).toEqual([trace.id]);
    expect(errorOf(await mlflow.putTrace({ ...trace, start: 1.5 })).kind).toBe('invalid');
  });

  it('answers with the code of the server', async () => {
    const mlflow = client();
    const run = await freshRun(mlflow);
    valueOf(await mlflow.log(run.id, { params: { a: '1' } }));
    const refused = errorOf(await mlflow.log(run.id, { params: { a: '2' } }));
    expect(refused).toMatchObject({
      kind: 'rejected',
      status: 400,
      code: 'INVALID_PARAMETER_VALUE',
      passing: false,
    });
    const nowhere = errorOf(await mlflow.log('0'.repeat(32), { tags: { a: '1' } }));
    expect(nowhere).toMatchObject({ kind: 'missing', code: 'RESOURCE_DOES_NOT_EXIST' });
  });

  it('explains the refusal of a host name', async () => {
    const mlflow = createClient(
      { ...settingsOf(address), headers: new SecretHeaders({ host: 'mlflow:5000' }) },
      { patience: impatient },
    );
    const refused = errorOf(await mlflow.experiment('x'));
    await mlflow.close();
    expect(refused).toMatchObject({ kind: 'forbidden', status: 403, passing: false });
    expect(refused.hint).toContain('--allowed-hosts');
  });
});
