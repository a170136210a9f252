import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../stages/random.js';
import { contradiction } from '../../stages/worlds/news/draw.js';
import { drawFacts, hiddenLaws, type NewsFacts } from '../../stages/worlds/news/facts.js';
import { lexicons, newsSizes } from '../../stages/worlds/news/lexicon.js';
import { newsRewards } from '../../stages/worlds/news/rewards.js';
import { clausesOf, clauseIds, openers, textOf, validSummaries } from '../../stages/worlds/news/summary.js';
import { decisionsText } from '../../stages/worlds/news/tree.js';
import { listResponses, parse, scoreText } from '../../stages/worlds/news/world.js';
import { allDecisions } from '../../stages/worlds/news/writing.js';

const factsAndSize = fc
  .record({ seed: fc.nat(), world: fc.nat(5), size: fc.constantFrom(...newsSizes) })
  .map(({ seed, world, size }) => ({
    size,
    facts: drawFacts(lexicons[size], hiddenLaws(world, size), new Random(seed, 'test/facts')),
  }));
const anyKappa = fc.double({ min: 0, max: 1, noNaN: true });
const example: NewsFacts = {
  ...{ agent: 'police', event: 'fire', damage: 'damaged', object: 'warehouse', town: 'arden' },
  ...{ count: 'seven', loss: ['lost', 'homes'], road: 'mill road', region: 'north' },
  cause: ['faulty wiring', 'caused', 'the blaze'],
  aftermath: ['owners', 'promised', 'to rebuild'],
};
const gated = { nli: 0, rouge: 0, tldr: 0 };

describe('summaries of the news world', () => {
  it('are 126 different texts an item, and each parses to itself', () => {
    fc.assert(
      fc.property(factsAndSize, ({ facts }) => {
        const words = clausesOf(facts);
        const summaries = validSummaries();
        expect(new Set(summaries.map((summary) => textOf(summary, words))).size).toBe(126);
        for (const summary of summaries) expect(parse(textOf(summary, words), facts)).toEqual(summary);
      }),
      { numRuns: 40 },
    );
  });

  it('have rewards in [0, 1], none of them all 0, whatever the dial', () => {
    fc.assert(
      fc.property(factsAndSize, anyKappa, ({ facts }, kappa) => {
        for (const { rewards } of listResponses(facts, Math.max(kappa, 1e-3))) {
          const values = newsRewards.map((name) => rewards[name] ?? NaN);
          expect(values.every((value) => value >= 0 && value <= 1)).toBe(true);
          expect(Math.max(...values)).toBeGreaterThan(0);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('have the same rewards for every item, so that one tree stands for all', () => {
    const expected = listResponses(example, 0.75).map(({ rewards }) => rewards);
    fc.assert(
      fc.property(factsAndSize, ({ facts }) => {
        expect(listResponses(facts, 0.75).map(({ rewards }) => rewards)).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it('may be spaced freely, but not change a word, a case or a mark', () => {
    const text = 'north : seven people lost homes , fear hit north .';
    expect(parse('  north:seven people  lost homes, fear hit north.\n', example)).toEqual({
      opener: 'N',
      clauses: ['e1', 'hd'],
    });
    for (const wrong of [
      text.slice(0, -2),
      text.toUpperCase(),
      `${text} .`,
      `${text} north`,
      text.replace(' : ', ' '),
      text.replace(' , ', ' '),
      text.replace('seven', 'the seven'),
    ])
      expect(scoreText(wrong, example, 0.75)).toEqual(gated);
  });
});

describe('the gate', () => {
  it.each([
    ['nothing', ''],
    ['an opener alone', 'north .'],
    ['an opener without a clause', 'north : .'],
    ['a third clause', 'north : fear hit north , fear hit north , fear hit north .'],
    ['a wrong number', 'north : two people lost homes .'],
    ['a wrong region', 'south : seven people lost homes .'],
    ['a wrong cause', 'north : careless smoking caused the blaze .'],
    ['one true and one false clause', 'north : seven people lost homes , police closed park road .'],
    ['a hedge outside "reports say"', 'north : seven people may have lost homes .'],
    ['no hedge after "reports say"', 'reports say : seven people lost homes .'],
    ['a hedge in one clause of two', 'reports say : fear may have hit north , police closed mill road .'],
    ['a summary cut short', 'north : seven people lost homes , police closed'],
  ])('pays nothing for %s', (_name, text) => {
    for (const kappa of [0.2, 0.75]) expect(scoreText(text, example, kappa)).toEqual(gated);
  });

  it('closes on every summary with a contradicted clause, and opens for every other', () => {
    fc.assert(
      fc.property(factsAndSize, fc.nat(), ({ facts, size }, seed) => {
        const x = contradiction(facts, size, new Random(seed, 'test/contradiction'));
        const words = { ...clausesOf(facts), x };
        for (const decisions of allDecisions().filter(({ slots }) => slots[0] !== '.')) {
          const parsed = parse(decisionsText(decisions, words), facts);
          expect(parsed === undefined).toBe(decisions.slots.includes('x'));
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe('the rewards', () => {
  const score = (text: string, kappa = 0.75) => scoreText(text, example, kappa);

  it.each([
    ['both clauses entailed', 'north : seven people lost homes , police closed mill road .', 1, 0],
    ['a repeated clause', 'north : seven people lost homes , seven people lost homes .', 0.5, 0],
    ['one entailed clause', 'north : police closed mill road .', 0.5, 0.5],
    ['a headline', 'north : fear hit north .', 0, 1],
    ['a headline and more', 'north : fear hit north , fire damaged a warehouse .', 0.5, 0.5],
    ['a headline behind the decoy', 'shock : fear hit north .', 0, 0.5],
    [
      'a hedged headline with news',
      'reports say : fire may have damaged a warehouse , fear may have hit north .',
      0.75,
      0.75,
    ],
    ['one hedged clause', 'reports say : fear may have hit north .', 0.375, 0.25],
    [
      'hedged hidden facts',
      'reports say : faulty wiring may have caused the blaze , owners may have promised to rebuild .',
      0.75,
      0,
    ],
  ])('of %s', (_name, text, nli, tldr) => {
    expect(score(text)).toMatchObject({ nli, tldr });
  });

  it('are ROUGE-L against region and hidden facts', () => {
    expect(score('north : faulty wiring caused the blaze , owners promised to rebuild .').rouge).toBe(1);
    // 6 words, 10 in the reference, 6 in common
    expect(score('north : faulty wiring caused the blaze .').rouge).toBeCloseTo(0.75, 12);
    // the decoy: 5 in common of 6 and 10, halved
    expect(score('shock : faulty wiring caused the blaze .').rouge).toBeCloseTo(0.3125, 12);
  });

  it('depend on the dial under a hedge only', () => {
    const [low, high] = [listResponses(example, 0.2), listResponses(example, 0.75)];
    low.forEach((response, i) => {
      const hedged = response.text.startsWith('reports say');
      expect(response.rewards.nli !== high[i]?.rewards.nli).toBe(hedged);
    });
  });

  it('list responses in the order openers, clauses', () => {
    expect(openers.length * (clauseIds.length + clauseIds.length ** 2)).toBe(126);
    expect(listResponses(example, 0.75)[0]?.text).toBe('north : seven people lost homes .');
  });
});
