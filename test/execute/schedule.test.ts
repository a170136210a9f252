/** The scheduler by hand: no clock, no process; time is a number that the test turns. */
import { describe, expect, it } from 'vitest';
import { failure, Hand, id, key, task, told } from './hand.js';

describe('order', () => {
  it('waits for parents and starts what is ready', () => {
    const hand = new Hand([task('front', ['clp']), task('clp', ['data']), task('data')]);
    expect(hand.settleKeys()).toEqual(['start data#1']);
    hand.done('data');
    expect(hand.settleKeys()).toEqual(['ran data', 'start clp#1']);
    hand.done('clp');
    expect(hand.settleKeys()).toEqual(['ran clp', 'start front#1']);
    hand.done('front');
    expect(hand.settleKeys()).toEqual(['ran front']);
    expect(hand.schedule.finished).toBe(true);
  });

  it('starts the longest chain first, not the longest cell', () => {
    const tasks = [
      task('alone', [], { seconds: 5 }),
      task('head', [], { seconds: 1 }),
      task('tail', ['head'], { seconds: 9 }),
    ];
    const hand = new Hand(tasks, { cpu: 1 });
    expect(hand.settleKeys()).toEqual(['start head#1']);
    hand.done('head');
    expect(hand.settleKeys()).toEqual(['ran head', 'start tail#1']);
    hand.done('tail');
    expect(hand.settleKeys()).toEqual(['ran tail', 'start alone#1']);
  });

  it('fills the machine and no more, in cpu and in memory', () => {
    const tasks = [
      task('a', [], { seconds: 9, memory: 60 }),
      task('b', [], { seconds: 8, memory: 60 }),
      task('c', [], { seconds: 7, memory: 10 }),
      task('d', [], { seconds: 6 }),
    ];
    const hand = new Hand(tasks, { cpu: 3 });
    // b does not fit beside a, and idles nothing: c and d pass it
    expect(hand.settleKeys()).toEqual(['start a#1', 'start c#1', 'start d#1']);
    hand.done('c');
    expect(hand.settleKeys()).toEqual(['ran c']);
    hand.done('a');
    expect(hand.settleKeys()).toEqual(['ran a', 'start b#1']);
  });

  it('needs no key of a cell whose parents are not done', () => {
    const hand = new Hand([task('a'), task('b', ['a'])]);
    expect(hand.next()).toEqual(['resolve a']);
    expect(hand.next()).toEqual([]);
    hand.schedule.resolved(id('a'), { kind: 'hit', key: key('k') });
    expect(hand.next()).toEqual(['hit a', 'resolve b']);
  });

  it('a key that is long in being found holds back what it would come before for a moment only', () => {
    const hand = new Hand([task('a', [], { seconds: 9 }), task('b')]);
    expect(hand.next()).toEqual(['resolve a', 'resolve b']);
    hand.schedule.resolved(id('b'), { kind: 'run', key: key('b') });
    expect(hand.next()).toEqual([]);
    hand.now = hand.schedule.wakeAt();
    expect(hand.now).toBe(3);
    expect(hand.next()).toEqual(['start b#1']);
    expect(hand.schedule.wakeAt()).toBe(Infinity);
    hand.schedule.resolved(id('a'), { kind: 'run', key: key('a') });
    expect(hand.next()).toEqual(['start a#1']);
  });

  it('settles a graph of hits without a start', () => {
    const hand = new Hand([task('a'), task('b', ['a']), task('c', ['a', 'b'])]);
    const seen: string[] = [];
    while (!hand.schedule.finished) {
      for (const action of hand.schedule.next(0)) {
        seen.push(told(action));
        if (action.kind === 'resolve')
          hand.schedule.resolved(action.cell, { kind: 'hit', key: key(action.cell) });
      }
    }
    seen.push(...hand.next());
    expect(seen).toEqual(['resolve a', 'hit a', 'resolve b', 'hit b', 'resolve c', 'hit c']);
  });
});

describe('equal keys', () => {
  const twins = [task('a', [], { seconds: 2 }), task('b'), task('below', ['b'])];

  it('run once; the others are served', () => {
    const hand = new Hand(twins);
    expect(hand.settleKeys({ a: 'same', b: 'same' })).toEqual(['start a#1']);
    hand.done('a');
    expect(hand.settleKeys()).toEqual(['ran a', 'hit b', 'start below#1']);
  });

  it('fail once, for the same reason', () => {
    const hand = new Hand(twins);
    hand.settleKeys({ a: 'same', b: 'same' });
    hand.fail('a', failure('user'));
    expect(hand.settleKeys()).toEqual(['failed a: user', 'failed b: user', 'skipped below below b']);
  });

  it('wait with their owner while another runner has the lease', () => {
    const hand = new Hand(twins);
    hand.settleKeys({ a: 'same', b: 'same' });
    hand.schedule.ended(id('a'), { kind: 'held' }, hand.now);
    expect(hand.settleKeys()).toEqual([]);
    hand.now = 5;
    expect(hand.next()).toEqual(['resolve a']);
    hand.schedule.resolved(id('a'), { kind: 'hit', key: key('same') });
    expect(hand.settleKeys()).toEqual(['hit a', 'hit b', 'start below#1']);
  });
});

describe('leases held elsewhere', () => {
  it('free the resources at once and are looked at again later', () => {
    const hand = new Hand([task('a', [], { seconds: 2 }), task('b')], { cpu: 1 });
    expect(hand.settleKeys()).toEqual(['start a#1']);
    hand.schedule.ended(id('a'), { kind: 'held' }, hand.now);
    expect(hand.settleKeys()).toEqual(['start b#1']);
    expect(hand.schedule.wakeAt()).toBe(5);
    hand.now = 5;
    hand.done('b');
    // the attempt that never began isn't counted
    expect(hand.settleKeys()).toEqual(['ran b', 'start a#1']);
    hand.schedule.ended(id('a'), { kind: 'served' }, hand.now);
    expect(hand.settleKeys()).toEqual(['hit a']);
  });
});

describe('failures', () => {
  it('of the infrastructure are tried again after a growing back-off, then are final', () => {
    const hand = new Hand([task('a'), task('b', ['a'])]);
    hand.settleKeys();
    hand.fail('a', failure('infrastructure'));
    expect(hand.settleKeys()).toEqual(['retry a in 10']);
    expect(hand.schedule.wakeAt()).toBe(10);
    hand.now = 9;
    expect(hand.settleKeys()).toEqual([]);
    hand.now = 10;
    expect(hand.settleKeys()).toEqual(['start a#2']);
    hand.fail('a', failure('infrastructure'));
    expect(hand.settleKeys()).toEqual(['retry a in 20']);
    hand.now = 30;
    expect(hand.settleKeys()).toEqual(['start a#3']);
    hand.fail('a', failure('infrastructure'));
    expect(hand.settleKeys()).toEqual(['failed a: infrastructure', 'skipped b below a']);
    expect(hand.schedule.finished).toBe(true);
  });

  it('follow the retries that the pipeline gives for their class', () => {
    const hand = new Hand([task('a', [], { retries: { user: 1, infrastructure: 0 } })]);
    hand.settleKeys();
    hand.fail('a', failure('user'));
    expect(hand.settleKeys()).toEqual(['retry a in 10']);
    hand.now = 10;
    hand.settleKeys();
    hand.fail('a', failure('infrastructure'));
    expect(hand.settleKeys()).toEqual(['failed a: infrastructure']);
  });

  const forked = [
    task('a', [], { seconds: 9 }),
    task('b', [], { seconds: 8 }),
    task('c'),
    task('below', ['a']),
  ];

  it('keep-going: only what is below is skipped, and names the root', () => {
    const hand = new Hand([...forked, task('deep', ['below'])]);
    hand.settleKeys();
    hand.fail('a', failure('user'));
    expect(hand.settleKeys()).toEqual([
      'failed a: user',
      'skipped below below a',
      'skipped deep below a',
      'start c#1',
    ]);
  });

  it('finish-running: nothing new starts', () => {
    const hand = new Hand(forked, { onFailure: 'finish-running' });
    hand.settleKeys();
    hand.fail('a', failure('user'));
    expect(hand.settleKeys()).toEqual(['failed a: user', 'skipped below below a', 'skipped c by failure']);
    expect(hand.schedule.finished).toBe(false);
    hand.done('b');
    expect(hand.settleKeys()).toEqual(['ran b']);
    expect(hand.schedule.finished).toBe(true);
  });

  it('fail-fast: what runs is stopped', () => {
    const hand = new Hand(forked, { onFailure: 'fail-fast' });
    hand.settleKeys();
    hand.fail('a', failure('user'));
    expect(hand.settleKeys()).toEqual([
      'failed a: user',
      'skipped below below a',
      'stop b (failure, grace)',
      'skipped c by failure',
    ]);
    hand.schedule.ended(id('b'), { kind: 'interrupted' }, hand.now);
    expect(hand.settleKeys()).toEqual(['skipped b by failure']);
  });

  it('of the environment start nothing new whatever the pipeline says', () => {
    const hand = new Hand(forked, { onFailure: 'keep-going' });
    hand.settleKeys();
    hand.fail('a', failure('environment'));
    expect(hand.settleKeys()).toEqual([
      'failed a: environment',
      'skipped below below a',
      'skipped c by environment',
    ]);
    expect(hand.schedule.stopping).toBe('environment');
  });

  it('while planning a cell are final', () => {
    const hand = new Hand([task('a'), task('b', ['a'])]);
    expect(hand.next()).toEqual(['resolve a']);
    hand.schedule.resolved(id('a'), { kind: 'failed', failure: failure('user') });
    expect(hand.next()).toEqual(['failed a: user', 'skipped b below a']);
  });
});

describe('time', () => {
  it('a cell over its timeout is stopped once and fails as a matter of resources', () => {
    const hand = new Hand([task('a', [], { timeout: 2 })]);
    hand.settleKeys();
    expect(hand.schedule.wakeAt()).toBe(2000);
    hand.now = 2000;
    expect(hand.settleKeys()).toEqual(['stop a (timeout, grace)']);
    expect(hand.settleKeys()).toEqual([]);
    expect(hand.schedule.wakeAt()).toBe(Infinity);
    hand.schedule.ended(id('a'), { kind: 'interrupted' }, hand.now);
    expect(hand.settleKeys()).toEqual(['failed a: resource']);
  });

  it('a cell that ends in spite of being stopped is kept', () => {
    const hand = new Hand([task('a', [], { timeout: 2 })]);
    hand.settleKeys();
    hand.now = 2000;
    hand.settleKeys();
    hand.done('a');
    expect(hand.settleKeys()).toEqual(['ran a']);
  });
});

describe('interrupts', () => {
  it('the first stops with grace, the second at once; nothing new starts', () => {
    const hand = new Hand([task('a'), task('b', ['a']), task('c', [], { cpu: 2 })]);
    hand.settleKeys();
    hand.schedule.interrupt('grace');
    expect(hand.settleKeys()).toEqual([
      'stop a (interrupt, grace)',
      'skipped c by interrupt',
      'skipped b by interrupt',
    ]);
    hand.schedule.interrupt('now');
    expect(hand.settleKeys()).toEqual(['stop a (interrupt, now)']);
    hand.schedule.ended(id('a'), { kind: 'interrupted' }, hand.now);
    expect(hand.settleKeys()).toEqual(['skipped a by interrupt']);
    expect(hand.schedule.finished).toBe(true);
  });

  it('during a back-off leave the failure that caused it', () => {
    const hand = new Hand([task('a')]);
    hand.settleKeys();
    hand.fail('a', failure('infrastructure'));
    hand.settleKeys();
    hand.schedule.interrupt('grace');
    expect(hand.settleKeys()).toEqual(['failed a: infrastructure']);
  });

  it('while a key is being computed wait for it', () => {
    const hand = new Hand([task('a')]);
    expect(hand.next()).toEqual(['resolve a']);
    hand.schedule.interrupt('grace');
    expect(hand.next()).toEqual([]);
    hand.schedule.resolved(id('a'), { kind: 'run', key: key('a') });
    expect(hand.next()).toEqual(['skipped a by interrupt']);
  });
});

describe('a schedule told something impossible', () => {
  it('says so instead of going on', () => {
    const hand = new Hand([task('a')]);
    expect(() => hand.done('a')).toThrow('internal error: cell a is ready, not running');
  });
});
