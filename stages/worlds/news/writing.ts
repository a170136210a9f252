/**
 * How the summaries that SFT learns from are written: a mixture of modes, then noise on each decision. Three
 * decisions make a summary: opener, first slot, second slot; a full stop (`.`) in the first slot ends it.
 */
import type { Random } from '../../random.js';
import { openers, type Opener } from './summary.js';

/** What a slot may hold: a true clause, a contradicted one, or the end. */
export const slots = ['e1', 'e2', 'e3', 'u1', 'u2', 'x', 'hd', '.'] as const;
export type Slot = (typeof slots)[number];

export interface Decisions {
  readonly opener: Opener;
  readonly slots: readonly [Slot, Slot];
}

interface Mode extends Decisions {
  readonly probability: number;
}

/** Each decision is replaced by a uniform one with this probability. */
const noise = 0.1;

const e = ['e1', 'e2', 'e3'] as const;

/** .34 region + e + e', .28 region + u + u', .14 region + hd, .24 hedged: 10 parts u1 u2, 12 hd and e, 12 e + u. */
const modes: readonly Mode[] = [
  ...share(
    0.34,
    'N',
    e.flatMap((a) => e.filter((b) => b !== a).map((b) => [a, b] as const)),
  ),
  ...share(0.28, 'N', [
    ['u1', 'u2'],
    ['u2', 'u1'],
  ]),
  ...share(0.14, 'N', [['hd', '.']]),
  ...share((0.24 * 10) / 34, 'H', [['u1', 'u2']]),
  ...share(
    (0.24 * 12) / 34,
    'H',
    e.flatMap((a) => [[a, 'hd'] as const, ['hd', a] as const]),
  ),
  ...share(
    (0.24 * 12) / 34,
    'H',
    e.flatMap((a) => [[a, 'u1'] as const, [a, 'u2'] as const]),
  ),
];

function share(total: number, opener: Opener, pairs: readonly (readonly [Slot, Slot])[]): Mode[] {
  return pairs.map((pair) => ({ opener, slots: pair, probability: total / pairs.length }));
}

/** Draws the decisions of one summary. */
export function drawDecisions(random: Random): Decisions {
  const mode = modes[random.categorical(modes.map(({ probability }) => probability))] as Mode;
  const opener = noisy(mode.opener, openers, random);
  const first = noisy(mode.slots[0], slots, random);
  const second = noisy(mode.slots[1], slots, random);
  return { opener, slots: [first, first === '.' ? '.' : second] };
}

function noisy<T>(choice: T, choices: readonly T[], random: Random): T {
  return random.uniform() < noise ? (choices[random.integer(choices.length)] as T) : choice;
}

/** Every way to decide, in the order of openers, first slot, second slot: 3 x 8 x 8, those after an end included. */
export function allDecisions(): readonly Decisions[] {
  return openers.flatMap((opener) =>
    slots.flatMap((first) => slots.map((second): Decisions => ({ opener, slots: [first, second] }))),
  );
}

/** The probability that `drawDecisions` draws these. */
export function decisionProbability({ opener, slots: [first, second] }: Decisions): number {
  if (first === '.' && second !== '.') return 0;
  let total = 0;
  for (const mode of modes)
    total +=
      mode.probability *
      kept(mode.opener === opener, openers.length) *
      kept(mode.slots[0] === first, slots.length) *
      (first === '.' ? 1 : kept(mode.slots[1] === second, slots.length));
  return total;
}

function kept(same: boolean, choices: number): number {
  return (same ? 1 - noise : 0) + noise / choices;
}
