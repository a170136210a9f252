/** The text of a news item: its facts in sentences, among events of other years. */
import type { Random } from '../../random.js';
import { pick, type NewsFacts } from './facts.js';
import { lexicons, type NewsSize } from './lexicon.js';

/**
 * One item, lower-case words and full stops separated by spaces.
 * small: three sentences in a fixed order and one of another year, 28 words and marks.
 * full: a day, one or two sentences of other years, and all sentences after the first in any order.
 */
export function itemText(facts: NewsFacts, size: NewsSize, random: Random): string {
  const { agent, event, damage, object, town, count, loss, road } = facts;
  const day = size === 'full' ? `on ${pick(lexicons.full.days, random)} ` : '';
  const first = `${agent} said ${day}that a ${event} ${damage} a ${object} in ${town} .`;
  const others = [`${count} people ${loss.join(' ')} .`, `${agent} closed ${road} .`];
  if (size === 'small') return [first, ...others, distractor(facts, size, random)].join(' ');
  const past = Array.from({ length: 1 + random.integer(2) }, () => distractor(facts, size, random));
  return [first, ...random.shuffle([...others, ...past])].join(' ');
}

/** A sentence about another event of another year, at another place. */
function distractor(facts: NewsFacts, size: NewsSize, random: Random): string {
  const lexicon = lexicons[size];
  const year = pick(lexicon.years, random);
  const event = pick(
    lexicon.events.filter(({ noun }) => noun !== facts.event),
    random,
  );
  const town = pick(
    lexicon.towns.filter((name) => name !== facts.town),
    random,
  );
  if (size === 'small') return `in ${year} a ${event.noun} shook ${town} .`;
  const object = pick(
    lexicon.objects.filter((name) => name !== facts.object),
    random,
  );
  return `in ${year} a ${event.noun} ${event.verb} a ${object} in ${town} .`;
}
