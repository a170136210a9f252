/**
 * A bigram language model: the baseline that a summariser's held-out loss must be below.
 * Interpolated Kneser-Ney smoothing (Kneser and Ney 1995; Chen and Goodman 1999), discounts chosen on no held-out
 * text: D = n1 / (n1 + 2 n2) an order, the unigram in turn interpolated with the uniform distribution.
 */

/** Token ids of one text. The first is context only (a start or separator token) and is never predicted. */
export type BigramText = ArrayLike<number>;

export interface Bigram {
  /** log p(next | previous), in nats. */
  logProbability(previous: number, next: number): number;
}

/** Fits a bigram model over the vocabulary 0..vocabularySize-1. */
export function fitBigram(texts: readonly BigramText[], vocabularySize: number): Bigram {
  const followers = countFollowers(texts);
  const unigram = continuationModel(followers, vocabularySize);
  const discount = discountOf([...followers.values()].flatMap((counts) => [...counts.values()]));
  const totals = new Map([...followers].map(([token, counts]) => [token, sum(counts.values())]));
  return {
    logProbability(previous, next) {
      const counts = followers.get(previous);
      const total = totals.get(previous) ?? 0;
      if (!counts || total === 0) return Math.log(unigram(next));
      const kept = Math.max((counts.get(next) ?? 0) - discount, 0) / total;
      return Math.log(kept + ((discount * counts.size) / total) * unigram(next));
    },
  };
}

/** Mean negative log-probability of the predicted tokens, in nats a token. */
export function bigramLoss(model: Bigram, texts: readonly BigramText[]): number {
  let loss = 0;
  let tokens = 0;
  for (const [previous, next] of pairs(texts)) {
    loss -= model.logProbability(previous, next);
    tokens++;
  }
  return loss / tokens;
}

function countFollowers(texts: readonly BigramText[]): Map<number, Map<number, number>> {
  const followers = new Map<number, Map<number, number>>();
  for (const [previous, next] of pairs(texts)) {
    const counts = followers.get(previous) ?? new Map<number, number>();
    counts.set(next, (counts.get(next) ?? 0) + 1);
    followers.set(previous, counts);
  }
  return followers;
}

/** p(token) in proportion to the number of distinct tokens that it follows, interpolated with the uniform. */
function continuationModel(
  followers: ReadonlyMap<number, ReadonlyMap<number, number>>,
  vocabularySize: number,
): (token: number) => number {
  const contexts = new Map<number, number>();
  for (const counts of followers.values())
    for (const token of counts.keys()) contexts.set(token, (contexts.get(token) ?? 0) + 1);
  const total = sum(contexts.values());
  const discount = discountOf([...contexts.values()]);
  const rest = total === 0 ? 1 : (discount * contexts.size) / total;
  return (token) =>
    (total === 0 ? 0 : Math.max((contexts.get(token) ?? 0) - discount, 0) / total) + rest / vocabularySize;
}

/** The discount that minimises the leave-one-out loss, to first order; .5 where no count of 1 or 2 tells. */
function discountOf(counts: readonly number[]): number {
  const ones = counts.filter((n) => n === 1).length;
  const twos = counts.filter((n) => n === 2).length;
  return ones > 0 && twos > 0 ? ones / (ones + 2 * twos) : 0.5;
}

function* pairs(texts: readonly BigramText[]): Generator<[number, number]> {
  for (const text of texts)
    for (let i = 1; i < text.length; i++) yield [text[i - 1] as number, text[i] as number];
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const n of numbers) total += n;
  return total;
}
