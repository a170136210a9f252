import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { JudgmentBody } from '../../schemas/protocol.js';
import { Project } from '../cli/moft.js';
import { cellId, freshStore, valueOf } from '../store/fixtures.js';
import { CuttingProxy } from './proxy.js';
import { curve, newSender, RecordedRun, sendAll, steady } from './recorded.js';
import { isReady, programs } from './server.js';
import { address, client, unique } from './shared.js';

const asked = (n: number): JudgmentBody => ({
  ...{ type: 'judgment', judge: 'a-judge', rubric: 'faithful', prompt: `which, ${n}?`, item: `row-${n}` },
  ...{ responses: ['x', 'y'], status: 'ok', verdict: 'first', rationale: `x names ${n}`, milliseconds: 400 },
});

async function recorded() {
  const store = await freshStore();
  const run = new RecordedRun(store);
  onTestFinished(() => run.close());
  return { store, run };
}

describe.skipIf(!programs)('judgments', () => {
  beforeAll(() => isReady(address));

  it('are traces with their verdict, linked to the run, each once, whatever is cut and sent again', async () => {
    const { store, run } = await recorded();
    const say = run.start('judge');
    const refused: JudgmentBody = { ...asked(0), status: 'refused', rationale: 'it will not say' };
    delete (refused as { verdict?: unknown }).verdict;
    // More than a stretch holds, between metrics; and another try that asks again.
    say([...Array.from({ length: 70 }, (_, n) => asked(n)), ...curve(4), refused]);
    run.start('judge')([{ ...asked(1), responses: ['x'], verdict: 7.5, rubric: 'brief (1-10)' }]);
    await run.finish('judge');
    run.end();
    const proxy = await CuttingProxy.start(address, (path, n) => path.includes('/traces') && n % 9 === 1);
    onTestFinished(() => proxy.close());
    for (const again of [false, true]) {
      const sender = newSender(store, run.run, client(proxy.address, { patience: steady }));
      if (again) sender.sent.note({ kind: 'anew' });
      expect(await sendAll(sender, 5)).toEqual({ kind: 'complete' });
    }
    expect(proxy.cut.length).toBeGreaterThan(1);

    const mlflow = client();
    const { id: experiment = '' } = valueOf(await mlflow.experimentNamed(run.experiment)) ?? {};
    const [judge] = valueOf(
      await mlflow.runs({ experiments: [experiment], filter: "tags.`moft.cell` = 'judge'" }),
    );
    const linked = valueOf(
      await mlflow.traces([experiment], `metadata.\`mlflow.sourceRun\` = '${judge?.id ?? ''}'`),
    );
    expect(linked).toHaveLength(72);
    const verdicts = linked.map(({ assessments }) => assessments.map(({ name, value }) => [name, value]));
    expect(verdicts.filter(([one]) => one?.[1] === 'first')).toHaveLength(70);
    const failed = linked.find(({ state }) => state === 'ERROR');
    expect(failed?.assessments).toMatchObject([{ name: 'faithful', failure: 'REFUSED' }]);
    const marked = linked.find(({ assessments }) => assessments[0]?.value === 7.5);
    expect(marked?.assessments[0]?.name).toMatch(/^brief _1-10_-/);
    expect(marked?.tags).toMatchObject({
      'moft.cell': 'judge',
      'moft.item': 'row-1',
      'moft.judge': 'a-judge',
    });
    expect(valueOf(await mlflow.history(judge?.id ?? '', 'loss'))).toHaveLength(2);
  });

  it('are left out where that is wanted, and metrics beside them are not', async () => {
    const { store, run } = await recorded();
    run.start('judge')([asked(1), ...curve(4)]);
    await run.finish('judge');
    run.end();
    const mlflow = client();
    const sender = newSender(store, run.run, mlflow, { traces: false });
    expect(await sendAll(sender)).toEqual({ kind: 'complete' });
    expect(valueOf(await mlflow.traces([sender.sent.run?.experiment ?? '']))).toEqual([]);
    const { id = '' } = sender.sent.cell(cellId('judge')) ?? {};
    expect(valueOf(await mlflow.history(id, 'loss'))).toHaveLength(2);
  });

  it('of a command are on the server when its run has ended, unless moft.yaml says no', async () => {
    const experiment = unique('moft/judged');
    const events = [asked(1), { ...asked(2), status: 'tie', verdict: undefined }].map((one) =>
      JSON.stringify(one),
    );
    const project = new Project(`name: judged
experiment: ${experiment}
stages:
  judge:
    uses: shell
    with:
      run: |
${events.map((event) => `        echo '${event}' >> "$MOFT_EVENTS"`).join('\n')}
        echo done > "$MOFT_OUTPUT_OUT"
      outputs: {out: {path: out.txt, type: file}}
`);
    onTestFinished(() => project.close());
    const env = { MLFLOW_TRACKING_URI: address };
    const mlflow = client();
    const traces = async () => {
      const { code, stderr } = await project.start(['run', 'p.yaml', '--force', 'judge'], { env }).ended;
      expect({ code, stderr }).toMatchObject({ code: 0 });
      expect((await project.start(['sync'], { env }).ended).code).toBe(0);
      return valueOf(await mlflow.traces([valueOf(await mlflow.experiment(experiment)).id]));
    };
    expect((await traces()).map(({ assessments }) => assessments[0]?.value).sort()).toEqual(['first', 'tie']);
    project.write('moft.yaml', 'mlflow: {judgments: false}\n');
    expect(await traces()).toHaveLength(2);
  });
});

it('a judgment that says nothing stops the command that says it, at its line', async () => {
  const changes = {
    none: { verdict: undefined },
    other: { verdict: 'b' },
    nobody: { judge: '' },
    odd: { status: 'no' },
  };
  const events = Object.entries(changes).map(([name, change]) => [
    name,
    JSON.stringify({ ...asked(1), ...change }),
  ]);
  const project = new Project(`name: judged
on_failure: keep-going
stages:
  judge:
    matrix: {event: ${JSON.stringify(Object.fromEntries(events))}}
    uses: shell
    with:
      run: |
        node -e 'fs.writeFileSync(process.env.MOFT_EVENTS, "\\n" + JSON.parse(process.env.MOFT_PARAMS).event)'
      params: {event: $matrix.event}
      outputs: {out: {path: out.txt, type: file}}
`);
  onTestFinished(() => project.close());
  const { code, stdout, stderr } = await project.run('run', 'p.yaml');
  const said = stdout + stderr;
  expect(code).toBe(1);
  expect(said).toContain(
    'line 2 of MOFT_EVENTS is wrong: the judgment of a-judge has the status `ok` and no `verdict`',
  );
  expect(said).toContain('it is `first` or `second`, and a tie is a status');
  expect(said).toContain('`judge` of a judgment');
  expect(said).toContain('`status` of a judgment');
});
