import { describe, expect, it } from 'vitest';
import type { NewsFacts } from '../../stages/worlds/news/facts.js';
import { factsName, hiddenLaws } from '../../stages/worlds/news/facts.js';
import { drawNews } from '../../stages/worlds/news/draw.js';
import { distinctFacts, lexicons, newsSizes, type NewsSize } from '../../stages/worlds/news/lexicon.js';
import { clausesOf } from '../../stages/worlds/news/summary.js';
import { decisionsText } from '../../stages/worlds/news/tree.js';
import { parse } from '../../stages/worlds/news/world.js';
import { allDecisions, decisionProbability, drawDecisions } from '../../stages/worlds/news/writing.js';
import { Random } from '../../stages/random.js';

const draw = (size: NewsSize, seed = 0, train = 1500) =>
  drawNews({ size, seed, counts: { test: 200, validation: 100, train } });
const factsOf = (row: { facts?: unknown }): NewsFacts => row.facts as NewsFacts;
const words = (text: string): string[] => text.split(' ');

describe.each(newsSizes)('items of size %s', (size) => {
  const splits = draw(size);
  const rows = Object.values(splits).flat();

  it('differ in their facts, within and between splits', () => {
    expect(new Set(rows.map((row) => factsName(factsOf(row)))).size).toBe(1800);
  });

  it('say their stated facts and none of their hidden ones', () => {
    for (const row of rows) {
      const { region, cause, aftermath, agent, count, road, town } = factsOf(row);
      for (const stated of [agent, count, road, town]) expect(row.prompt).toContain(stated);
      for (const hidden of [region, cause[0], aftermath[0], aftermath[2]])
        expect(` ${row.prompt} `).not.toContain(` ${hidden} `);
    }
  });

  it('hide facts that are functions of the stated ones', () => {
    const laws = new Map<string, string>();
    for (const row of rows) {
      const { town, region, event, object, cause, agent, aftermath } = factsOf(row);
      for (const [given, hidden] of [
        [town, region],
        [`${event} ${object}`, cause.join(' ')],
        [agent, aftermath.join(' ')],
      ] as const) {
        expect(laws.get(given) ?? hidden).toBe(hidden);
        laws.set(given, hidden);
      }
    }
  });

  it('are the same from the same seed, and others from another', () => {
    expect(draw(size)).toEqual(splits);
    expect(draw(size, 1).test?.[0]?.prompt).not.toBe(splits.test?.[0]?.prompt);
  });

  it('leave the held-out splits alone when more documents are drawn', () => {
    const more = draw(size, 0, 1600);
    expect([more.test, more.validation]).toEqual([splits.test, splits.validation]);
  });

  it('have summaries that are texts of the clause tree, most of them valid', () => {
    const valid = rows.filter((row) => parse(row.response ?? '', factsOf(row)) !== undefined).length;
    const expected = allDecisions()
      .filter(({ slots }) => slots[0] !== '.' && !slots.includes('x'))
      .reduce((sum, decisions) => sum + decisionProbability(decisions), 0);
    const deviation = Math.sqrt((expected * (1 - expected)) / rows.length);
    expect(Math.abs(valid / rows.length - expected)).toBeLessThan(4 * deviation);
  });
});

describe('the sizes', () => {
  const vocabulary = (size: NewsSize): Set<string> =>
    new Set(
      Object.values(draw(size))
        .flat()
        .flatMap((row) => words(`${row.prompt} ${row.response ?? ''}`)),
    );

  it('full: about 150 words, and at least 100,000 different items', () => {
    expect(vocabulary('full').size).toBeGreaterThan(130);
    expect(vocabulary('full').size).toBeLessThan(170);
    expect(distinctFacts('full')).toBeGreaterThanOrEqual(100_000);
  });

  it('small: about half of that, items of 28 words and marks', () => {
    expect(vocabulary('small').size).toBeLessThan(100);
    expect(distinctFacts('small')).toBe(6_912);
    for (const row of draw('small').test ?? []) expect(words(row.prompt)).toHaveLength(28);
  });
});

describe('how SFT summaries are written', () => {
  it('has probabilities that sum to 1', () => {
    const total = allDecisions().reduce((sum, decisions) => sum + decisionProbability(decisions), 0);
    expect(total).toBeCloseTo(1, 12);
  });

  it('draws each of the 192 ways to decide as often as stated (chi-square)', () => {
    const n = 200_000;
    const random = new Random(100, 'test/decisions');
    const counts = new Map<string, number>();
    const name = ({ opener, slots }: ReturnType<typeof drawDecisions>) => `${opener} ${slots.join(' ')}`;
    for (let i = 0; i < n; i++) {
      const key = name(drawDecisions(random));
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    const possible = allDecisions().filter((decisions) => decisionProbability(decisions) > 0);
    const statistic = possible.reduce((sum, decisions) => {
      const expected = n * decisionProbability(decisions);
      return sum + ((counts.get(name(decisions)) ?? 0) - expected) ** 2 / expected;
    }, 0);
    // 170 degrees of freedom: mean 170, deviation 18.4. Five deviations; a wrong mode adds thousands.
    expect(statistic).toBeLessThan(170 + 5 * Math.sqrt(2 * 170));
    expect([...counts.values()].reduce((a, b) => a + b, 0)).toBe(n);
    expect([...counts.keys()].every((key) => possible.some((decisions) => name(decisions) === key))).toBe(
      true,
    );
  });

  it('writes what was decided', () => {
    const facts = factsOf(draw('small').test?.[0] ?? {});
    const text = decisionsText(
      { opener: 'H', slots: ['hd', '.'] },
      { ...clausesOf(facts), x: ['two people', 'lost', 'homes'] },
    );
    expect(text).toBe(`reports say : fear may have hit ${facts.region} .`);
  });
});

describe('hidden laws', () => {
  it.each(newsSizes)('deal towns evenly to regions, and objects to faults (%s)', (size) => {
    for (const seed of [0, 1, 2]) {
      const { towns, regions, events, objects, faults } = lexicons[size];
      const laws = hiddenLaws(seed, size);
      const counts = regions.map((region) => towns.filter((town) => laws.regionOf(town) === region).length);
      expect(new Set(counts)).toEqual(new Set([towns.length / regions.length]));
      const causes = objects.flatMap((object) => events.map((event) => laws.causeOf(event, object)[0]));
      expect(new Set(causes).size).toBe(faults.length * events.length);
    }
  });
});
