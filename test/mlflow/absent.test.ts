/** Real runs whose server hangs, is dead, or dies in the middle: cells notice nothing, and `moft sync` owes nothing. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { endTracker } from '../../bench/trackers.js';
import { Project, type Ended } from '../cli/moft.js';
import { Commander } from '../execute/commander.js';
import { compared } from './compared.js';
import { MlflowServer, programs } from './server.js';
import { client, unique } from './shared.js';
import { valueOf } from '../store/fixtures.js';

/** Points that the commanded cell says while the server is away. */
const points = 300;

const pipeline = (socket: string): string => `
name: away
experiment: ${unique('moft/away')}
stages:
  long: {uses: test/step, with: {label: long, socket: ${socket}}}
  one: {uses: test/tree, matrix: {n: [1, 2]}, with: {value: $matrix.n}}
  two: {uses: test/metric, with: {numbers: $one(*).sum}}
`;

interface Away {
  readonly run: string;
  readonly ended: Ended;
  readonly sync: () => Promise<Ended>;
  readonly store: string;
}

describe.skipIf(!programs || !existsProc())('a run whose server', () => {
  let server: MlflowServer | undefined;
  const there = (): MlflowServer => {
    if (!server) throw new Error('no server');
    return server;
  };
  beforeAll(async () => {
    server = await MlflowServer.start();
    await server.ready();
  });
  afterAll(() => server?.close());

  /** Runs a pipeline to its end; `meanwhile` is called when half of the points are said. */
  async function runAway(meanwhile: (project: Project) => Promise<void> = async () => {}): Promise<Away> {
    const commander = new Commander();
    const project = new Project(pipeline(commander.path));
    onTestFinished(() => {
      commander.close();
      project.close();
    });
    const env = { MLFLOW_TRACKING_URI: there().address };
    const command = project.start(['run', 'p.yaml'], { env });
    const long = await commander.next('long');
    for (let step = 0; step < points; step++) {
      if (step === points / 2) await meanwhile(project);
      await long.tell(
        `emit ${JSON.stringify({ type: 'metric', name: 'loss', value: 1 / (step + 1), step })}`,
      );
    }
    long.finish();
    const ended = await command.ended;
    const [file = ''] = readdirSync(join(project.folder, '.moft/journal'));
    const run = file.replace('.jsonl', '');
    endTracker(run);
    const store = join(project.folder, '.moft');
    return { run, ended, store, sync: () => project.start(['sync'], { env }).ended };
  }

  /** All is there after a sync, and after another one nothing is there twice. */
  async function isWhole({ run, sync, store }: Away): Promise<void> {
    for (let turn = 0; turn < 2; turn++) expect(await sync()).toMatchObject({ code: 0 });
    const { counts, problems } = await compared(store, run, there().address);
    expect(problems).toEqual([]);
    expect(counts).toMatchObject({ runs: 5, artifacts: 12 });
    expect(counts.points).toBeGreaterThanOrEqual(points + 2);
  }

  it('hangs, ends as any other, and is sent whole later', async () => {
    there().suspend();
    const away = await runAway();
    expect(away.ended).toMatchObject({ code: 0 });
    expect(away.ended.stderr).toContain(`moft sync ${away.run}`);
    there().resume();
    await isWhole(away);
  });

  it('is dead, ends as any other, and is sent whole later', async () => {
    await there().kill();
    const away = await runAway();
    expect(away.ended).toMatchObject({ code: 0 });
    expect(away.ended.stderr).toContain("can't be reached");
    expect(await away.sync()).toMatchObject({ code: 3 });
    there().restart();
    await there().ready();
    await isWhole(away);
  });

  it('dies and comes again in the middle, ends as any other, and is there whole', async () => {
    const mlflow = client(there().address);
    const away = await runAway(async (project) => {
      const text = readFileSync(join(project.folder, 'p.yaml'), 'utf8');
      const name = /^experiment: (.*)$/m.exec(text)?.[1] ?? '';
      const arrived = async (): Promise<number> => {
        const experiment = valueOf(await mlflow.experimentNamed(name));
        if (!experiment) return 0;
        const runs = valueOf(await mlflow.runs({ experiments: [experiment.id] }));
        return runs.filter(({ metrics }) => metrics.loss).length;
      };
      await expect.poll(arrived, { timeout: 60_000, interval: 200 }).toBe(1);
      await there().kill();
      there().restart();
    });
    expect(away.ended).toMatchObject({ code: 0 });
    await there().ready();
    await isWhole(away);
  });
});

/** What tells a tracker from other processes. */
function existsProc(): boolean {
  try {
    return readlinkSync('/proc/self') !== '';
  } catch {
    console.warn('SKIPPING runs whose server is away: there is no /proc to find a tracker in');
    return false;
  }
}
