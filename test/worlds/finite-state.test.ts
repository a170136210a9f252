import { describe, expect, it } from 'vitest';
import {
  finiteStateOptimum,
  finiteStateValue,
  type FiniteStateWorld,
  referencePolicy,
} from '../../stages/worlds/finite-state.js';
import { optimum } from '../../stages/worlds/finite.js';
import { logSoftmax } from '../../stages/worlds/log-space.js';

/** Counts ones modulo 3; a one pays the first objective, an odd count of states the second, the end state both. */
function counter(length: number): FiniteStateWorld {
  return {
    states: 3,
    tokens: 2,
    length,
    start: 0,
    next: (state, token) => (state + token) % 3,
    reward: (state, token) => [0.1 * token, 0.05 * state * (1 - token)],
    final: (state) => [state === 2 ? 1 : 0, state === 0 ? 0.7 : 0],
    reference: (state) => [0.2 * state, -0.3],
  };
}

/** The same world with every response listed. */
function listed(world: FiniteStateWorld) {
  const responses = Array.from({ length: world.tokens ** world.length }, (_, i) =>
    Array.from({ length: world.length }, (__, t) => Math.floor(i / world.tokens ** t) % world.tokens),
  );
  const walks = responses.map((tokens) => {
    let state = world.start;
    let log = 0;
    const rewards = [0, 0];
    for (const token of tokens) {
      log += logSoftmax(world.reference(state))[token] ?? NaN;
      world.reward(state, token).forEach((r, k) => (rewards[k] = (rewards[k] ?? 0) + r));
      state = world.next(state, token);
    }
    world.final(state).forEach((r, k) => (rewards[k] = (rewards[k] ?? 0) + r));
    return { log, rewards };
  });
  return {
    rewards: walks.map((walk) => walk.rewards),
    logReference: Float64Array.from(walks, (walk) => walk.log),
  };
}

describe('finite-state rewards', () => {
  it.each([1, 2, 7])('have the optimum of all their responses (length %i)', (length) => {
    const world = counter(length);
    for (const alpha of [0.02, 0.2, 0.7])
      for (const w of [0, 0.3, 1]) {
        const at = { alpha, weights: [w, 1 - w] };
        const { optimum: found, policy } = finiteStateOptimum(world, at);
        const expected = optimum(listed(world), at);
        expect(found.value).toBeCloseTo(expected.value, 10);
        expect(found.referenceValue).toBeCloseTo(expected.referenceValue, 10);
        expect(found.kl).toBeCloseTo(expected.kl, 10);
        found.rewards.forEach((r, k) => expect(r).toBeCloseTo(expected.rewards[k] ?? NaN, 10));
        expect(finiteStateValue(world, policy, at).value).toBeCloseTo(found.value, 10);
      }
  });

  it('are solved for lengths that nobody can list', () => {
    const world = counter(500);
    const at = { alpha: 0.1, weights: [0.5, 0.5] };
    const { optimum: best, policy } = finiteStateOptimum(world, at);
    expect(finiteStateValue(world, policy, at).value).toBeCloseTo(best.value, 9);
    expect(finiteStateValue(world, referencePolicy(world), at).kl).toBe(0);
    expect(best.value).toBeGreaterThan(best.referenceValue);
  });
});
