/** What `moft logs` prints of the figures of an attempt. */
import { expect, it } from 'vitest';
import { eventLines } from '../../cli/logs/event-line.js';
import type { StageEvent } from '../../schemas/protocol.js';

const metric = (name: string, step: number, value: number): StageEvent => ({
  ...{ time: 0, seq: 1, type: 'metric' },
  name,
  value,
  step,
});

it('a figure of the whole, which has no step, is told as the last one and not as the first', () => {
  const line = eventLines();
  const told = [
    metric('loss', 0, 3),
    metric('loss', 1, 2),
    metric('eval/loss', 0, 1.5),
    { time: 0, seq: 2, type: 'log', level: 'info', text: 'done' } as const,
  ].map(line);
  expect(told.map((text) => text.replace(/^\S+ {2}/, ''))).toEqual([
    'loss 3 at step 0',
    'loss 2 at step 1',
    'eval/loss 1.5 at the end',
    'info: done',
  ]);
});
