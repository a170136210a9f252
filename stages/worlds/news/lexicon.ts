/**
 * The words of the news world, in two sizes. No word of an item's own sentences may occur in a hidden clause, and
 * clauses of one kind are equally long: so every item has the same rewards, and one clause tree stands for all.
 */
export const newsSizes = ['small', 'full'] as const;
export type NewsSize = (typeof newsSizes)[number];

/** An event: what it does to its object, how a summary calls it, and what its cause was to do with. */
export interface EventWords {
  readonly noun: string;
  readonly verb: string;
  readonly called: string;
  readonly culprit: string;
}

export interface Lexicon {
  readonly agents: readonly string[];
  readonly events: readonly EventWords[];
  readonly objects: readonly string[];
  /** What was wrong with the culprit: follows from the object. */
  readonly faults: readonly string[];
  readonly towns: readonly string[];
  readonly regions: readonly string[];
  readonly counts: readonly string[];
  /** Verb and object of what happened to the people. */
  readonly losses: readonly (readonly [string, string])[];
  readonly roads: readonly string[];
  /** Subject, verb and object of what is to follow, four words in all. */
  readonly aftermaths: readonly (readonly [string, string, string])[];
  readonly days: readonly string[];
  readonly years: readonly string[];
}

const events: readonly EventWords[] = [
  { noun: 'fire', verb: 'damaged', called: 'blaze', culprit: 'wiring' },
  { noun: 'flood', verb: 'ruined', called: 'deluge', culprit: 'pipes' },
  { noun: 'crash', verb: 'wrecked', called: 'accident', culprit: 'brakes' },
  { noun: 'blast', verb: 'shattered', called: 'explosion', culprit: 'valves' },
  { noun: 'landslide', verb: 'buried', called: 'collapse', culprit: 'drains' },
  { noun: 'spill', verb: 'fouled', called: 'leak', culprit: 'tanks' },
];

const aftermaths: readonly (readonly [string, string, string])[] = [
  ['owners', 'promised', 'to rebuild'],
  ['residents', 'asked', 'to return'],
  ['ministers', 'decided', 'to investigate'],
  ['insurers', 'refused', 'to pay'],
  ['neighbours', 'offered', 'to help'],
  ['unions', 'threatened', 'to strike'],
  ['lawyers', 'planned', 'to sue'],
  ['charities', 'agreed', 'to donate'],
];

const full: Lexicon = {
  agents: ['police', 'firefighters', 'soldiers', 'rangers', 'medics', 'engineers', 'wardens', 'officials'],
  events,
  faults: ['faulty', 'rusty', 'shoddy', 'worn'],
  objects: ['warehouse', 'school', 'bridge', 'hotel', 'mill', 'market', 'chapel', 'station'],
  towns: [
    ...['arden', 'belham', 'corby', 'dunmore', 'eastleigh', 'farley', 'glenby', 'harwick'],
    ...['ilford', 'jarrow', 'kelso', 'linden', 'marlow', 'norby', 'oakham', 'penrith'],
  ],
  regions: ['north', 'south', 'east', 'west'],
  counts: ['two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'],
  losses: [
    ['lost', 'homes'],
    ['needed', 'shelter'],
    ['suffered', 'burns'],
  ],
  roads: ['mill road', 'park road', 'church road', 'river road', 'high street', 'king street', 'bank street'],
  aftermaths,
  days: ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'],
  years: ['1998', '2003', '2007', '2011'],
};

const small: Lexicon = {
  ...full,
  agents: full.agents.slice(0, 4),
  events: full.events.slice(0, 3),
  objects: full.objects.slice(0, 4),
  towns: full.towns.slice(0, 6),
  regions: full.regions.slice(0, 3),
  counts: full.counts.slice(5),
  losses: full.losses.slice(0, 2),
  roads: ['mill road', 'park road', 'high street', 'king street'],
  aftermaths: full.aftermaths.slice(0, 4),
  years: full.years.slice(0, 2),
};

export const lexicons: Readonly<Record<NewsSize, Lexicon>> = { small, full };

/** How many different facts items of a size can have (days and distractors not counted). */
export function distinctFacts(size: NewsSize): number {
  const { agents, events: kinds, objects, towns, counts, losses, roads } = lexicons[size];
  return [agents, kinds, objects, towns, counts, losses, roads].reduce((n, list) => n * list.length, 1);
}
