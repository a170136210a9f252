import { readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Show } from '../../runner/contract.js';
import type { MlflowClient, Run } from '../../runner/track/mlflow/index.js';
import { viewKeys } from '../../runner/track/shape/index.js';
import { cellId, freshStore, valueOf } from '../store/fixtures.js';
import { frontShown } from '../track/front-shown.js';
import { curve, newSender, RecordedRun, sendAll } from './recorded.js';
import { isReady, programs } from './server.js';
import { address, client } from './shared.js';

/** Of `clp` a model; of `front` figures of the model that it read, two points, a table, a story. */
const show: Show = ({ outputs }) => {
  if (!readFileSync(outputs.out?.path ?? '', 'utf8').startsWith('front'))
    return { model: { output: 'tree', name: 'clp full', params: { method: 'clp' } } };
  return {
    ...frontShown,
    about: 'policy',
    verdict: `${Object.keys(outputs).length} outputs`,
    files: [{ output: 'tree', file: 'a.json', as: 'report.json' }],
  };
};
const shows = new Map([['test', show]]);

async function text(mlflow: MlflowClient, run: Run, path: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  const body = valueOf(await valueOf(mlflow.artifacts(run.artifactUri)).get(path));
  if (body) for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** Metrics of a logged model, by key; the client of ours doesn't read them. */
async function modelMetrics(id: string): Promise<Readonly<Record<string, number>>> {
  const answer = await fetch(`${address}/api/2.0/mlflow/logged-models/${id}`);
  const { model } = (await answer.json()) as {
    model: { data?: { metrics?: { key: string; value: number }[] } };
  };
  return Object.fromEntries((model.data?.metrics ?? []).map(({ key, value }) => [key, value]));
}

/** `clp` makes a model; `front` reads it; `reference` was cached. */
async function sent() {
  const store = await freshStore();
  const run = new RecordedRun(store);
  onTestFinished(() => run.close());
  const clp = 'clp/conditioning=full,seed=1';
  const front = 'front/conditioning=full,seed=1';
  run.start(clp)(curve(20));
  const { tree: digest, data } = await run.finish(clp);
  run.start(front)([]);
  const job = store.attempts.list(run.run, cellId(front)).at(-1)?.job ?? '';
  const written = JSON.parse(readFileSync(job, 'utf8')) as object;
  writeFileSync(
    job,
    JSON.stringify({
      ...written,
      inputs: { policy: { type: 'policy', digest }, prompts: { type: 'dataset', digest: data } },
    }),
  );
  await run.finish(front);
  run.end();
  const mlflow = client();
  const send = async (again: boolean): Promise<void> => {
    const sender = newSender(store, run.run, mlflow, { shows });
    if (again) sender.sent.note({ kind: 'anew' });
    expect(await sendAll(sender)).toEqual({ kind: 'complete' });
  };
  const experiment = async () => valueOf(await mlflow.experimentNamed(run.experiment));
  const runs = async (): Promise<readonly Run[]> =>
    valueOf(await mlflow.runs({ experiments: [(await experiment())?.id ?? ''] }));
  return { mlflow, send, runs, experiment, data };
}

describe.skipIf(!programs)('a run on a server', () => {
  beforeAll(() => isReady(address));

  it('is read back in the shape that was meant, however often it is sent', async () => {
    const { mlflow, send, runs, experiment } = await sent();
    await send(false);
    const first = await runs();
    await send(true);
    const all = await runs();
    expect(all.map(({ id }) => id).sort()).toEqual(first.map(({ id }) => id).sort());
    expect(all.map(({ name }) => name).sort()).toEqual([
      ...['0.3 full s1', '1 full s1', 'clp full s1', 'front full s1', 'recorded'],
    ]);
    expect(all.every(({ status }) => status === 'FINISHED')).toBe(true);
    const named = (name: string): Run => all.find((run) => run.name === name) as Run;
    const front = named('front full s1');
    const parent = named('recorded');

    const point = all.find(
      ({ name, tags }) => name === '0.3 full s1' && tags['mlflow.parentRunId'] === front.id,
    );
    expect(point?.params).toEqual({ conditioning: 'full', seed: '1', alpha: '0.05', 'w.nli': '0.3' });
    expect(point?.metrics['eval/rewards/rouge/mean']).toMatchObject({ value: 0.7, step: 0 });
    expect(front.tags['mlflow.parentRunId']).toBe(parent.id);
    expect(front.params).toMatchObject({ 'w.nli': '1', conditioning: 'full' });
    expect(front.metrics['front/span']).toMatchObject({ value: 0.75, step: 0 });
    expect(JSON.parse(await text(mlflow, front, 'tables/front.json'))).toEqual({
      columns: ['w.nli', 'nli'],
      data: [[0.3, 0.5]],
    });

    expect(parent.tags['mlflow.note.content']).toMatch(/^\*\*3 outputs\*\*/);
    expect(parent.tags['mlflow.note.content']).toContain(`/runs/${front.id}`);
    expect(await text(mlflow, parent, 'report.json')).toBe('{}');
    const tags = (await experiment())?.tags ?? {};
    for (const key of Object.values(viewKeys))
      expect(tags[`mlflow.sharedViewState.${key}`]).toContain('"state":"deflate;');
  });

  it('has its policies as models, with the figures of what was asked of them', async () => {
    const { mlflow, send, runs, experiment } = await sent();
    await send(false);
    const clp = (await runs()).find(({ name }) => name === 'clp full s1');
    const models = valueOf(await mlflow.models([(await experiment())?.id ?? '']));
    const model = models.find(({ sourceRun }) => sourceRun === clp?.id);
    expect(model).toMatchObject({
      name: 'clp full',
      status: 'LOGGED_MODEL_READY',
      params: { method: 'clp' },
    });
    expect(clp?.models).toEqual([model?.id]);
    const metrics = await modelMetrics(model?.id ?? '');
    expect(metrics['front/span']).toBe(0.75);
    expect(Object.keys(metrics).sort()).toEqual([
      'eval/rewards/nli/mean',
      'eval/rewards/rouge/mean',
      'front/span',
    ]);
    expect(models).toHaveLength(1);
  });

  it('links what it read: its model, and its dataset with columns, rows and maker', async () => {
    const { mlflow, send, runs, experiment, data } = await sent();
    for (const again of [false, true]) await send(again);
    const all = await runs();
    const front = all.find(({ name }) => name === 'front full s1');
    const [model] = valueOf(await mlflow.models([(await experiment())?.id ?? '']));
    // A search leaves them out.
    expect(valueOf(await mlflow.runOf(front?.id ?? ''))?.modelInputs).toEqual([model?.id]);
    const [dataset] = front?.datasets ?? [];
    expect(front?.datasets).toHaveLength(1);
    expect(dataset).toMatchObject({
      ...{ name: 'clp.data', digest: data.slice(0, 36), sourceType: 'code', context: 'prompts' },
    });
    expect(JSON.parse(dataset?.schema ?? '')).toEqual({
      mlflow_colspec: [
        { type: 'string', name: 'prompt', required: true },
        { type: 'array', items: { type: 'string' }, name: 'references', required: true },
      ],
    });
    expect(JSON.parse(dataset?.profile ?? '')).toEqual({ num_rows: 1, num_elements: 2, rewards: ['nli'] });
    expect(JSON.parse(dataset?.source ?? '')).toMatchObject({
      tags: { 'moft.cell': 'clp/conditioning=full,seed=1', 'moft.output': 'data' },
    });
    // The run itself names the datasets of all its cells.
    const parent = all.find(({ name }) => name === 'recorded');
    expect(parent?.datasets.map(({ name }) => name).sort()).toEqual(['clp.data', 'front.data']);
  });
});
