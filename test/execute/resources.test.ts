/** What cells hold while they run: handed out to one at a time, and free again whatever becomes of them. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Outcome } from '../../runner/execute/actions.js';
import { capacityOf, cardsIn, workerVariables } from '../../runner/execute/environment.js';
import { Budget, demandOf, unfitting } from '../../runner/execute/resources.js';
import type { Cell } from '../../runner/pipeline.js';
import { failure, Hand, id, key, task } from './hand.js';
import { Rig } from './rig.js';

describe('graphics cards', () => {
  it('are handed out by id, each to one cell at a time', () => {
    const tasks = [
      task('two', [], { seconds: 9, gpu: 2 }),
      task('one', [], { seconds: 8, gpu: 1 }),
      task('none', [], { seconds: 7 }),
      task('last', [], { seconds: 1, gpu: 1 }),
    ];
    const hand = new Hand(tasks, { cpu: 8, gpus: ['3', '5', '7'] });
    expect(hand.settleKeys()).toEqual(['start two#1 on 3,5', 'start one#1 on 7', 'start none#1']);
    hand.done('one');
    expect(hand.settleKeys()).toEqual(['ran one', 'start last#1 on 7']);
  });

  const ends: Readonly<Record<string, { outcome: Outcome; told: readonly string[] }>> = {
    done: { outcome: { kind: 'done' }, told: ['ran a'] },
    'served by another runner': { outcome: { kind: 'served' }, told: ['hit a'] },
    failed: { outcome: { kind: 'failed', failure: failure('user') }, told: ['failed a: user'] },
    'killed, to be tried again': {
      outcome: { kind: 'failed', failure: failure('infrastructure') },
      told: ['retry a in 10'],
    },
    'stopped by something else': { outcome: { kind: 'interrupted' }, told: ['retry a in 10'] },
    'held by another runner': { outcome: { kind: 'held' }, told: [] },
  };
  it.each(Object.entries(ends))('and tokens are free again when the cell was %s', (_, { outcome, told }) => {
    const all = { gpu: 2, memory: 100, tokens: { license: 1 } };
    const hand = new Hand([task('a', [], { ...all, seconds: 9 }), task('b', [], all)], {
      gpus: ['0', '1'],
      tokens: { license: 1 },
    });
    expect(hand.settleKeys()).toEqual(['start a#1 on 0,1']);
    hand.end('a', outcome);
    expect(hand.settleKeys()).toEqual([...told, 'start b#1 on 0,1']);
  });

  it('are free again when the cell was stopped for its timeout', () => {
    const hand = new Hand([task('a', [], { gpu: 1, timeout: 5, seconds: 9 }), task('b', [], { gpu: 1 })], {
      gpus: ['0'],
    });
    hand.settleKeys();
    hand.now = 5000;
    expect(hand.next()).toEqual(['stop a (timeout, grace)']);
    hand.end('a', { kind: 'interrupted' });
    expect(hand.settleKeys()).toEqual(['failed a: resource', 'start b#1 on 0']);
  });
});

describe('tokens', () => {
  it('let as many cells run as there are', () => {
    const judged = { tokens: { 'judge-rpm': 2 } };
    const tasks = ['a', 'b', 'c'].map((name, i) => task(name, [], { ...judged, seconds: 9 - i }));
    const hand = new Hand([...tasks, task('free')], { cpu: 8, tokens: { 'judge-rpm': 5 } });
    expect(hand.settleKeys()).toEqual(['start a#1', 'start b#1', 'start free#1']);
    hand.done('b');
    expect(hand.settleKeys()).toEqual(['ran b', 'start c#1']);
  });

  it('are as many after a thousand cells as before', () => {
    const budget = new Budget({ cpu: 4, memory: 100, gpus: ['0', '1', '2'], tokens: { a: 3, b: 1 } });
    const demands = [
      { cpu: 1, memory: 10, gpu: 1, tokens: { a: 1 } },
      { cpu: 2, memory: 60, gpu: 2, tokens: { b: 1 } },
      { cpu: 1, memory: 0, gpu: 0, tokens: {} },
    ];
    const held = [];
    for (let i = 0; i < 1000; i += 1) {
      const grant = budget.take(demands[i % 3] ?? { cpu: 1, memory: 0, gpu: 0, tokens: {} });
      if (grant) held.push(grant);
      if (!grant || i % 7 === 0)
        held.splice(i % Math.max(1, held.length), 1).forEach((one) => budget.give(one));
      const ids = [...held.flatMap(({ gpus }) => gpus), ...budget.free.gpus];
      expect(ids.sort()).toEqual(['0', '1', '2']);
    }
    for (const grant of held) budget.give(grant);
    expect(budget.free).toMatchObject({ cpu: 4, memory: 100, tokens: { a: 3, b: 1 } });
  });
});

describe('parts of a core', () => {
  it('are all there again when cells have ended in another order than they began', () => {
    const hand = new Hand([task('a', [], { cpu: 0.3 }), task('b', [], { cpu: 0.1 }), task('whole', ['a'])], {
      cpu: 1,
    });
    expect(hand.settleKeys()).toEqual(['start a#1', 'start b#1']);
    hand.done('a');
    expect(hand.settleKeys()).toEqual(['ran a']);
    hand.done('b');
    expect(hand.settleKeys()).toEqual(['ran b', 'start whole#1']);
  });

  it.each([
    [1 / 3, 0.333],
    [0.2, 0.2],
    [0.00001, 0.001],
  ])('%f are counted as %f', (cpu, counted) => expect(demandOf({ cpu }).cpu).toBe(counted));
});

describe('priority', () => {
  it('goes before the longest chain, and is handed on to what a cell waits for', () => {
    const tasks = [
      task('long', [], { seconds: 90 }),
      task('head', [], { seconds: 1 }),
      task('urgent', ['head'], { seconds: 1, priority: 5 }),
      task('late', [], { seconds: 99, priority: -1 }),
    ];
    const hand = new Hand(tasks, { cpu: 1 });
    const order = ['head', 'urgent', 'long', 'late'];
    for (const [i, name] of order.entries()) {
      const before = order[i - 1];
      expect(hand.settleKeys()).toEqual([
        ...(before === undefined ? [] : [`ran ${before}`]),
        `start ${name}#1`,
      ]);
      hand.done(name);
    }
  });
});

describe('a cell that can never fit', () => {
  it('was a hit, is lost and must be made again: it fails and says what it asks for, instead of waiting', () => {
    const hand = new Hand([task('train', [], { gpu: 1 }), task('read', ['train'])], { gpus: [] });
    hand.schedule.next(0);
    hand.schedule.resolved(id('train'), { kind: 'hit', key: key('train') });
    expect(hand.settleKeys()).toEqual(['hit train', 'start read#1']);
    hand.schedule.ended(id('read'), { kind: 'lost', producers: [id('train')] }, 0);
    expect(hand.settleKeys()).toEqual([
      'reopen train for read',
      'failed train: resource',
      'skipped read below train',
    ]);
    expect(hand.failures.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^asks for gpu 1, this machine has 0; .*`--gpu 0,1`/),
    ]);
    expect(hand.schedule.finished).toBe(true);
  });

  const cell = (resources: Cell['resources']): Cell =>
    ({ id: id('train'), stage: 'train', resources, place: { file: 'p.yaml', line: 3, column: 2 } }) as Cell;
  const machine = { cpu: 4, memory: 100, gpus: ['0'], tokens: { rpm: 2 } };

  it.each<[string, Cell['resources'], string]>([
    ['cores', { cpu: 8 }, 'the stage train asks for cpu 8, this machine has 4'],
    ['memory', { memory: 200 }, 'the stage train asks for memory 200 bytes, this machine has 100 bytes'],
    ['cards', { gpu: 2 }, 'the stage train asks for gpu 2, this machine has 1'],
    ['tokens', { tokens: { rpm: 3 } }, 'the stage train asks for tokens.rpm 3, this machine has 2'],
    ['unknown tokens', { tokens: { x: 1 } }, 'the stage train asks for tokens.x 1, this machine has 0'],
  ])('for want of %s is an error with its place, once a stage', (_, resources, message) => {
    const found = unfitting([cell(resources), cell(resources)], machine);
    expect(found.map((one) => [one.line, one.message])).toEqual([[3, message]]);
  });

  it('is none where all of it is there', () =>
    expect(unfitting([cell({ cpu: 4, memory: 100, gpu: 1, tokens: { rpm: 2 } })], machine)).toEqual([]));
});

describe('what a machine offers', () => {
  const world = (CUDA_VISIBLE_DEVICES?: string) => ({
    env: { CUDA_VISIBLE_DEVICES, PATH: '' },
    wantsCards: true,
  });

  it('is what the command line says, then the variable of a cluster, then moft.yaml', () => {
    const file = { cpu: 6, memory: 10, gpu: ['0', '1'], tokens: { a: 1, b: 2 } };
    const found = capacityOf({ jobs: 3, gpus: ['9'], tokens: { b: 5 } }, file, world('4,5'));
    expect(found).toEqual({ cpu: 3, memory: 10, gpus: ['9'], tokens: { a: 1, b: 5 } });
    expect(capacityOf({}, file, world('4,5')).gpus).toEqual(['4', '5']);
    expect(capacityOf({}, file, world())).toEqual({
      cpu: 6,
      memory: 10,
      gpus: ['0', '1'],
      tokens: { a: 1, b: 2 },
    });
    expect(capacityOf({}, {}, world()).gpus).toEqual([]);
  });

  it('has no cards where the variable hides them, as CUDA reads it', () => {
    expect(['', '-1', '0,-1,2', ' 1, 3', 'GPU-1a,GPU-2b'].map((value) => cardsIn(value))).toEqual([
      [],
      [],
      ['0'],
      ['1', '3'],
      ['GPU-1a', 'GPU-2b'],
    ]);
    expect(cardsIn(undefined)).toBeUndefined();
  });
});

describe('a worker', () => {
  const of = (resources: Cell['resources'], gpus: readonly string[]) =>
    workerVariables(
      { PATH: '/bin', CUDA_VISIBLE_DEVICES: '0,1,2' },
      { env: [], secrets: [], resources },
      gpus,
    ).CUDA_VISIBLE_DEVICES;

  it('sees the cards of its cell; none with `gpu: 0`; what moft sees where the cell says nothing', () => {
    expect(of({ gpu: 2 }, ['1', '2'])).toBe('1,2');
    expect(of({ gpu: 0 }, [])).toBe('');
    expect(of({}, [])).toBe('0,1,2');
  });

  let rig: Rig;
  beforeEach(() => (rig = new Rig()));
  afterEach(() => rig.close());

  it('that is killed gives its card back, and the cell gets one again', async () => {
    const cards: string[][] = [];
    const { summary } = await rig.start([rig.step('a', { resources: { gpu: 1 } })], {
      capacity: { cpu: 2, memory: 0, gpus: ['7'], tokens: {} },
      variables: (_, gpus) => {
        cards.push([...gpus]);
        return { PATH: process.env.PATH ?? '' };
      },
    });
    const first = await rig.commander.next('a');
    process.kill(first.hello.pid, 'SIGKILL');
    (await rig.commander.next('a')).finish();
    expect((await summary).counts.ran).toBe(1);
    expect(cards).toEqual([['7'], ['7']]);
  });
});
