/** Summaries of the news world: an opener, one or two clauses and a full stop. */
import type { Clause, NewsFacts } from './facts.js';

/** The region, "reports say" (after which every verb takes "may have", and only there), or the decoy "shock". */
export const openers = ['N', 'H', 'S'] as const;
export type Opener = (typeof openers)[number];

/** Clauses that are true of an item: e entailed by it, u hidden, hd the headline. */
export const clauseIds = ['e1', 'e2', 'e3', 'u1', 'u2', 'hd'] as const;
export type ClauseId = (typeof clauseIds)[number];

/** The clauses of one item in words; `x` is one that contradicts it. */
export type ClauseWords = Readonly<Record<ClauseId, Clause>>;

export interface Summary {
  readonly opener: Opener;
  /** One or two. */
  readonly clauses: readonly ClauseId[];
}

export function clausesOf(facts: NewsFacts): ClauseWords {
  return {
    e1: [`${facts.count} people`, ...facts.loss],
    e2: [facts.event, facts.damage, `a ${facts.object}`],
    e3: [facts.agent, 'closed', facts.road],
    u1: facts.cause,
    u2: facts.aftermath,
    hd: ['fear', 'hit', facts.region],
  };
}

/** The region that an item's town lies in, read from its headline. */
export function regionOf(words: ClauseWords): string {
  return words.hd[2];
}

/** The text of an opener and clauses, its words and marks separated by spaces: "north : fear hit north ." */
export function summaryText(opener: Opener, clauses: readonly Clause[], region: string): string {
  const said = clauses.map(([subject, verb, object]) =>
    opener === 'H' ? `${subject} may have ${verb} ${object}` : `${subject} ${verb} ${object}`,
  );
  const start = openerText(opener, region);
  return said.length === 0 ? `${start} .` : `${start} : ${said.join(' , ')} .`;
}

function openerText(opener: Opener, region: string): string {
  return { N: region, H: 'reports say', S: 'shock' }[opener];
}

/** All summaries that say nothing false of an item: 3 openers, 6 + 36 choices of clauses. */
export function validSummaries(): readonly Summary[] {
  const choices = clauseIds.flatMap((first) => [[first], ...clauseIds.map((second) => [first, second])]);
  return openers.flatMap((opener) => choices.map((clauses) => ({ opener, clauses })));
}

export function textOf(summary: Summary, words: ClauseWords): string {
  const clauses = summary.clauses.map((id) => words[id]);
  return summaryText(summary.opener, clauses, regionOf(words));
}

/** The summary that the hidden reference of ROUGE is: the region and both hidden facts. */
export const referenceSummary: Summary = { opener: 'N', clauses: ['u1', 'u2'] };

/**
 * Reads a text as a summary of an item: undefined where it breaks the grammar, or says anything that is not true of
 * the item (then every reward is 0). Only white space around words and marks is free.
 */
export function parseSummary(text: string, words: ClauseWords): Summary | undefined {
  const body = /^(.+?) : (.+) \.$/.exec(text.match(/[^\s:,.]+|[:,.]/g)?.join(' ') ?? '');
  const opener = openers.find((id) => body?.[1] === openerText(id, regionOf(words)));
  if (!body?.[2] || !opener) return undefined;
  const clauses = body[2].split(' , ').map((said) => clauseOf(said, opener, words));
  if (clauses.length > 2) return undefined;
  const known = clauses.filter((id) => id !== undefined);
  return known.length === clauses.length ? { opener, clauses: known } : undefined;
}

function clauseOf(said: string, opener: Opener, words: ClauseWords): ClauseId | undefined {
  return clauseIds.find((id) => {
    const [subject, verb, object] = words[id];
    return said === `${subject} ${opener === 'H' ? 'may have ' : ''}${verb} ${object}`;
  });
}
