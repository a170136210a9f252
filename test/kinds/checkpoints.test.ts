/** A training that is killed and gone on with is the uninterrupted one, bit for bit; so is one that goes further. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { ArtifactRef, StageKind } from '../../runner/contract.js';
import { openCheckpoints, type KeptCheckpoints } from '../../runner/execute/worker/checkpoints.js';
import { removeSpent } from '../../runner/store/checkpoint-folders.js';
import clp from '../../stages/kinds/clp.js';
import dataNews from '../../stages/kinds/data-news.js';
import sft from '../../stages/kinds/sft.js';
import soft from '../../stages/kinds/soft.js';
import { output, runKind, type Ran, type RunOptions } from './run.js';

let news: Ran;
let model: ArtifactRef;
beforeAll(async () => {
  news = await runKind(dataNews, { with: { size: 'small', documents: 64, validation: 16, test: 4 } });
  const shape = { model: { width: 16, layers: 1, heads: 2, context: 64 } };
  model = output(
    await runKind(sft, {
      with: { ...shape, steps: 40, learning_rate: 0.02 },
      inputs: { data: output(news, 'train') },
    }),
    'model',
  );
}, 60_000);

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'moft-checkpoints-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

let tries = 0;
interface Try {
  readonly folder: string;
  readonly most?: number;
  readonly atEnd?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
  readonly monotonic?: () => number;
}

/** The checkpoints of another try in the same family; one is due at every step. */
function open({
  folder,
  most = Infinity,
  atEnd = false,
  environment = { node: 'v20.1.0', backend: 'wasm' },
  monotonic = () => 0,
}: Try): KeptCheckpoints {
  tries += 1;
  return openCheckpoints({
    ...{ folder, environment, epoch: tries, nonce: 'n'.repeat(32), most, atEnd, every: 0 },
    monotonic,
    asked: () => true,
  });
}

class Killed extends Error {}

/** As `checkpoints`, but the try ends when it has kept the one of a step. */
function killedAfter(step: number, checkpoints: KeptCheckpoints): KeptCheckpoints {
  return {
    ...checkpoints,
    save: async (at, write) => {
      await checkpoints.save(at, write);
      if (at === step) throw new Killed();
    },
  };
}

const reinforced = { batch: 2, samples: 4, max_tokens: 12, learning_rate: 0.01, warmup: 2 };
const cases: readonly (readonly [string, StageKind, string, () => RunOptions])[] = [
  [
    'sft with dropout',
    sft,
    'model',
    () => ({
      with: {
        model: { width: 8, layers: 1, heads: 2, context: 64, dropout: 0.1 },
        ...{ steps: 6, batch: 4, warmup: 2, schedule: 'constant', conditioning_noise: 0.3 },
      },
      inputs: { data: output(news, 'train') },
    }),
  ],
  [
    'soft',
    soft,
    'policy',
    () => ({
      with: { ...reinforced, steps: 6, schedule: 'constant', rewards: 'nli', alpha: 0.05 },
      inputs: { reference: model, prompts: output(news, 'train') },
    }),
  ],
  [
    'clp',
    clp,
    'policy',
    () => ({
      with: {
        ...{
          ...reinforced,
          steps: 6,
          schedule: 'constant',
          rewards: ['nli', 'rouge'],
          conditioning: 'logits',
        },
        sampling: { weights: { dirichlet: 1 }, alpha: 0.05 },
      },
      inputs: { reference: model, prompts: output(news, 'train') },
    }),
  ],
];

describe.each(cases)('%s', (_, kind, name, options) => {
  it('resumed after a kill gives the bytes of the uninterrupted training, and the same figures after it', async () => {
    const whole = await runKind(kind, options());
    const folder = temporary();
    const killed = runKind(kind, { ...options(), checkpoints: killedAfter(3, open({ folder })) });
    await expect(killed).rejects.toThrow(Killed);
    const resumed = await runKind(kind, { ...options(), checkpoints: open({ folder }) });
    expect(output(resumed, name).digest).toBe(output(whole, name).digest);
    const lastMetrics = ({ events }: Ran): unknown =>
      events.filter((event) => event.type === 'metric' && event.step === 6);
    expect(lastMetrics(resumed)).toEqual(lastMetrics(whole));
    expect(resumed.events).toContainEqual({
      type: 'log',
      level: 'info',
      text: 'goes on from the checkpoint of step 3',
    });
  });

  it('extends a shorter training to the bytes of the longer one', async () => {
    expect(kind.extent?.({ alpha_schedule: 'constant', ...options().with })).toBe('steps');
    const whole = await runKind(kind, options());
    const folder = temporary();
    const shorter = { ...options(), with: { ...options().with, steps: 4 } };
    const first = open({ folder, most: 4, atEnd: true });
    await runKind(kind, { ...shorter, checkpoints: { ...first, due: () => false } });
    removeSpent(folder, 4);
    const further = open({ folder, most: 6, atEnd: true });
    expect(further.from?.step).toBe(4);
    const longer = await runKind(kind, { ...options(), checkpoints: further });
    expect(output(longer, name).digest).toBe(output(whole, name).digest);
  });
});

describe('a kind says no extent', () => {
  it.each([
    [sft, { schedule: 'cosine' }],
    [sft, { schedule: 'linear' }],
    [soft, { schedule: 'linear', alpha_schedule: 'constant' }],
    [clp, { schedule: 'constant', alpha_schedule: { from: 0.2, share: 0.33 } }],
  ] as const)('where the way hangs on its end (%#)', (kind, values) => {
    expect((kind as StageKind).extent?.(values)).toBeUndefined();
  });
});

describe('checkpoints', () => {
  const write = (text: string) => (folder: string) => {
    writeFileSync(join(folder, 'state'), text);
    return Promise.resolve();
  };
  const stateOf = ({ from }: KeptCheckpoints): string | undefined =>
    from && readFileSync(join(from.folder, 'state'), 'utf8');
  /** All files below a folder. */
  const files = (folder: string): string[] =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));

  it('of any earlier try are gone on from, the furthest that the cell may use', async () => {
    const folder = temporary();
    await open({ folder }).save(5, write('five'));
    await open({ folder }).save(9, write('nine'));
    expect(stateOf(open({ folder }))).toBe('nine');
    expect(stateOf(open({ folder, most: 8 }))).toBe('five');
    expect(open({ folder, most: 4 }).from).toBeUndefined();
  });

  it('know what it took to get there, through all tries', async () => {
    const folder = temporary();
    let now = 1000;
    const tried = (): KeptCheckpoints => open({ folder, monotonic: () => now });
    const first = tried();
    expect(first.secondsBefore).toBe(0);
    now += 4000;
    await first.save(5, write('five'));
    // What it did after the checkpoint is lost, and done again.
    now += 60_000;
    const second = tried();
    expect(second.secondsBefore).toBe(4);
    now += 2500;
    await second.save(9, write('nine'));
    expect(tried().secondsBefore).toBe(6.5);
    expect(open({ folder, most: 8 }).secondsBefore).toBe(4);
    const manifest = files(folder).find((file) => file.endsWith('9/manifest.json')) ?? '';
    const { seconds, ...older } = JSON.parse(readFileSync(manifest, 'utf8')) as Record<string, unknown>;
    expect(seconds).toBe(6.5);
    writeFileSync(manifest, JSON.stringify(older));
    expect(stateOf(tried())).toBe('nine');
    expect(tried().secondsBefore).toBe(0);
  });

  it('of another numeric environment are not looked at; another host and a patch of Node are none', async () => {
    const folder = temporary();
    const environment = { node: 'v20.1.0', backend: 'wasm', host: 'a' };
    await open({ folder, environment }).save(5, write('five'));
    expect(open({ folder, environment: { ...environment, backend: 'tensorflow' } }).from).toBeUndefined();
    expect(open({ folder, environment: { ...environment, node: 'v22.1.0' } }).from).toBeUndefined();
    expect(stateOf(open({ folder, environment: { ...environment, node: 'v20.9.0', host: 'b' } }))).toBe(
      'five',
    );
  });

  it('that are torn or changed are passed over for the one before', async () => {
    const folder = temporary();
    await open({ folder }).save(5, write('five'));
    const second = open({ folder });
    await second.save(9, write('nine'));
    const state = files(folder).find((file) => file.endsWith('9/state')) ?? '';
    writeFileSync(state, 'nein');
    expect(stateOf(open({ folder }))).toBe('five');
    rmSync(join(state, '../manifest.json'));
    expect(stateOf(open({ folder }))).toBe('five');
  });

  it('keep the last one of a try, and that one until the next is whole', async () => {
    const folder = temporary();
    const checkpoints = open({ folder });
    await checkpoints.save(1, write('one'));
    await checkpoints.save(2, write('two'));
    expect(files(folder).filter((file) => file.endsWith('state'))).toHaveLength(1);
    await expect(checkpoints.save(3, () => Promise.reject(new Error('disk full')))).rejects.toThrow(
      'disk full',
    );
    expect(stateOf(open({ folder }))).toBe('two');
  });

  it('of a try that failed by itself are not gone on from', async () => {
    const folder = temporary();
    await open({ folder }).save(1, write('one'));
    const diverged = open({ folder });
    await diverged.save(2, write('two'));
    diverged.failed('user');
    expect(stateOf(open({ folder }))).toBe('one');
    const killed = open({ folder });
    await killed.save(3, write('three'));
    killed.failed('infrastructure');
    expect(stateOf(open({ folder }))).toBe('three');
  });

  it('go when the result is kept, but for the end of one that others may extend', async () => {
    const folder = temporary();
    await open({ folder }).save(1, write('one'));
    removeSpent(folder);
    expect(existsSync(folder)).toBe(false);
    const again = temporary();
    await open({ folder: again }).save(3, write('three'));
    await open({ folder: again, most: 4, atEnd: true }).save(4, write('four'));
    await open({ folder: again, most: 9 }).save(7, write('seven, of one that goes further'));
    removeSpent(again, 4);
    expect(files(again).filter((file) => file.endsWith('state'))).toHaveLength(1);
    expect(stateOf(open({ folder: again }))).toBe('seven, of one that goes further');
  });

  it('that are the furthest stay where others may extend them, and those of other machines', async () => {
    const folder = temporary();
    await open({ folder }).save(3, write('three'));
    await open({ folder, most: 4, atEnd: true }).save(4, write('four'));
    const elsewhere = { node: 'v20.1.0', backend: 'tensorflow' };
    await open({ folder, environment: elsewhere }).save(2, write('two, elsewhere'));
    removeSpent(folder, 4);
    expect(stateOf(open({ folder }))).toBe('four');
    expect(stateOf(open({ folder, environment: elsewhere }))).toBe('two, elsewhere');
    expect(files(folder).filter((file) => file.endsWith('state'))).toHaveLength(2);
  });
});
