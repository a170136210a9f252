import { describe, expect, it } from 'vitest';
import { problemOf, worldOf } from '../../stages/data/world.js';
import { evaluate, optimum } from '../../stages/worlds/finite.js';
import { drawNews } from '../../stages/worlds/news/draw.js';
import type { NewsFacts } from '../../stages/worlds/news/facts.js';
import { parseSummary, clausesOf } from '../../stages/worlds/news/summary.js';
import { clauseTree, treeProblem } from '../../stages/worlds/news/tree.js';
import { listResponses, newsProblem } from '../../stages/worlds/news/world.js';

const manifest = { v: 1, columns: [], rewards: [], rows: 0, digest: '' } as const;
const facts = drawNews({ size: 'small', seed: 0, counts: { test: 1 } }).test?.[0]?.facts as NewsFacts;
const objectives = ['nli', 'rouge'] as const;

/** log-probabilities of the listed responses under the way SFT data are written. */
function written(): Float64Array {
  const words = { ...clausesOf(facts), x: ['no people', 'lost', 'homes'] as const };
  const tree = clauseTree(words, 0.75);
  const probability = (text: string): number =>
    tree.texts.reduce((sum, other, leaf) => sum + (other === text ? (tree.probabilities[leaf] ?? 0) : 0), 0);
  return Float64Array.from(listResponses(facts, 0.75), ({ text }) => Math.log(probability(text)));
}

describe('the exact value of a language model in the news world', () => {
  it('is that of the clause tree, the invalid texts being one lump that earns nothing', () => {
    const listed = newsProblem(facts, written(), { kappa: 0.75, objectives });
    const words = { ...clausesOf(facts), x: ['no people', 'lost', 'homes'] as const };
    const tree = treeProblem(clauseTree(words, 0.75), objectives);
    for (const w of [0, 0.3, 0.5, 1]) {
      const tradeOff = { alpha: 0.05, weights: [1 - w, w] };
      expect(optimum(listed, tradeOff).value).toBeCloseTo(optimum(tree, tradeOff).value, 12);
      expect(optimum(listed, tradeOff).referenceValue).toBeCloseTo(
        optimum(tree, tradeOff).referenceValue,
        12,
      );
    }
  });

  it('reports the mass that leaves the valid texts', () => {
    const logs = written();
    const problem = newsProblem(facts, logs, { kappa: 0.75, objectives });
    const halved = logs.map((log) => log - Math.log(2));
    const { invalidMass, kl } = evaluate(problem, halved, { alpha: 0.05, weights: [0.5, 0.5] });
    const valid = logs.reduce((sum, log) => sum + Math.exp(log), 0);
    expect(invalidMass).toBeCloseTo(1 - valid / 2, 12);
    expect(kl).toBeGreaterThan(0);
  });

  it('counts each valid text once', () => {
    const texts = listResponses(facts, 0.75).map(({ text }) => text);
    expect(new Set(texts).size).toBe(texts.length);
    expect(texts.every((text) => parseSummary(text, clausesOf(facts)) !== undefined)).toBe(true);
  });
});

describe('the world behind a dataset', () => {
  it('is none where the manifest names none', async () => {
    expect(await worldOf({ manifest: { ...manifest, columns: [], rewards: [] } })).toBeUndefined();
  });

  it.each(['weather', 'constructor'])('is an error where it is called %s', async (name) => {
    const world = { name, parameters: {} };
    await expect(
      worldOf({ manifest: { ...manifest, columns: [], rewards: [], world } }),
    ).rejects.toMatchObject({
      failure: { class: 'user', code: 'unknown-world' },
    });
  });

  it('has no problem over a reward that it lacks', () => {
    const responses = [{ text: 'a', rewards: { nli: 1 } }];
    expect(() => problemOf(responses, ['speed'], Float64Array.of(0))).toThrow(
      'no reward "speed"; it has nli',
    );
  });
});
