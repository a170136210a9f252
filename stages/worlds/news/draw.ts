/** Drawing the rows of a news dataset: items, and the summaries that SFT learns from. */
import type { Row } from '../../data/types.js';
import { Random } from '../../random.js';
import { drawFacts, factsName, hiddenLaws, pick, type Clause, type NewsFacts } from './facts.js';
import { itemText } from './item.js';
import { lexicons, type NewsSize } from './lexicon.js';
import { clausesOf, referenceSummary, textOf } from './summary.js';
import { decisionsText } from './tree.js';
import { drawDecisions } from './writing.js';

export interface NewsSplits {
  readonly size: NewsSize;
  /** Fixes the items and the world's hidden laws. */
  readonly seed: number;
  /** Number of items of each split. */
  readonly counts: Readonly<Record<string, number>>;
}

/**
 * Draws the rows of every split. No two items share their facts; each split has its own random numbers and the first
 * named are drawn first, so that a larger last split changes none of the others. The caller sees to it that there
 * are more facts (`distinctFacts`) than items.
 */
export function drawNews({ size, seed, counts }: NewsSplits): Readonly<Record<string, readonly Row[]>> {
  const laws = hiddenLaws(seed, size);
  const seen = new Set<string>();
  const split = (name: string, count: number): Row[] => {
    const random = new Random(seed, `news/items/${name}`);
    return Array.from({ length: count }, (_, i) => {
      const facts = drawUntil(
        () => drawFacts(lexicons[size], laws, random),
        (drawn) => !seen.has(factsName(drawn)),
      );
      seen.add(factsName(facts));
      return newsRow(`${name}-${i}`, facts, { size, random });
    });
  };
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, split(name, count)]));
}

function drawUntil<T>(draw: () => T, accept: (value: T) => boolean): T {
  for (;;) {
    const value = draw();
    if (accept(value)) return value;
  }
}

function newsRow(id: string, facts: NewsFacts, { size, random }: { size: NewsSize; random: Random }): Row {
  const words = clausesOf(facts);
  return {
    id,
    prompt: itemText(facts, size, random),
    response: decisionsText(drawDecisions(random), { ...words, x: contradiction(facts, size, random) }),
    references: [textOf(referenceSummary, words)],
    facts,
  };
}

/** A false clause: the people of e1 in a wrong number. */
export function contradiction(facts: NewsFacts, size: NewsSize, random: Random): Clause {
  const wrong = lexicons[size].counts.filter((count) => count !== facts.count);
  return [`${pick(wrong, random)} people`, ...facts.loss];
}
