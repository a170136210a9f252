/** What one news item is about: the facts it states, and those it hides. */
import { Random } from '../../random.js';
import { lexicons, type EventWords, type Lexicon, type NewsSize } from './lexicon.js';

/** Subject, verb, object. */
export type Clause = readonly [string, string, string];

export interface NewsFacts {
  /** Stated by the item. */
  readonly agent: string;
  readonly event: string;
  readonly damage: string;
  readonly object: string;
  readonly town: string;
  readonly count: string;
  readonly loss: readonly [string, string];
  readonly road: string;
  /** Implied by the town; never in the item. */
  readonly region: string;
  /** Follows from event and object; never in the item. */
  readonly cause: Clause;
  /** Follows from the agent; never in the item. */
  readonly aftermath: Clause;
}

/** Hidden regularities of one world, drawn with its seed: they can only be learned from summaries. */
export interface HiddenLaws {
  regionOf(town: string): string;
  causeOf(event: EventWords, object: string): Clause;
  aftermathOf(agent: string): Clause;
}

/**
 * The laws of the world with a seed: towns are dealt evenly to regions, agents to aftermaths, objects to faults. A
 * cause is a fault of the object in the event's culprit: "faulty wiring", two lookups that a small model can learn.
 */
export function hiddenLaws(seed: number, size: NewsSize): HiddenLaws {
  const { towns, regions, agents, aftermaths, objects, faults } = lexicons[size];
  const region = deal(towns, regions, new Random(seed, 'news/regions'));
  const aftermath = deal(agents, aftermaths, new Random(seed, 'news/aftermaths'));
  const fault = deal(objects, faults, new Random(seed, 'news/faults'));
  return {
    regionOf: (town) => known(region, town),
    causeOf: (event, object) => [`${known(fault, object)} ${event.culprit}`, 'caused', `the ${event.called}`],
    aftermathOf: (agent) => known(aftermath, agent),
  };
}

/** The facts of a random item; every combination is equally likely. */
export function drawFacts(lexicon: Lexicon, laws: HiddenLaws, random: Random): NewsFacts {
  const agent = pick(lexicon.agents, random);
  const event = pick(lexicon.events, random);
  const object = pick(lexicon.objects, random);
  const town = pick(lexicon.towns, random);
  return {
    agent,
    event: event.noun,
    damage: event.verb,
    object,
    town,
    count: pick(lexicon.counts, random),
    loss: pick(lexicon.losses, random),
    road: pick(lexicon.roads, random),
    region: laws.regionOf(town),
    cause: laws.causeOf(event, object),
    aftermath: laws.aftermathOf(agent),
  };
}

/** Names the facts: two items with the same name allow the same summaries. */
export function factsName(facts: NewsFacts): string {
  const { agent, event, object, town, count, loss, road } = facts;
  return [agent, event, object, town, count, ...loss, road].join('|');
}

export function pick<T>(items: readonly T[], random: Random): T {
  return items[random.integer(items.length)] as T;
}

/** A random map in which every value occurs equally often, as nearly as the numbers allow. */
function deal<V>(names: readonly string[], values: readonly V[], random: Random): Map<string, V> {
  return new Map(random.shuffle(names).map((name, i) => [name, values[i % values.length] as V]));
}

function known<V>(map: ReadonlyMap<string, V>, name: string): V {
  const value = map.get(name);
  if (value === undefined)
    throw new Error(`internal error: the news world has no word ${JSON.stringify(name)}; please report it`);
  return value;
}
