/**
 * What is drawn from instead of the model's own distribution. In the order and with the meaning of Transformers'
 * logits processors: temperature, top-k, top-p (Holtzman et al. 2020), min-p (Nguyen et al. 2024).
 */
export interface Filter {
  /** Log-probabilities are divided by it; 0 leaves the likeliest token alone. Default 1. */
  readonly temperature?: number;
  /** Only so many likeliest tokens, and those that are as likely as the last of them. 0: all. */
  readonly topK?: number;
  /** The fewest likeliest tokens that reach this probability together, of what top-k left. 1: all. */
  readonly topP?: number;
  /** Only tokens at least this times as likely as the likeliest. 0: all. */
  readonly minP?: number;
}

/** Whether the distribution is the model's own. */
export function isPlain({ temperature = 1, topK = 0, topP = 1, minP = 0 }: Filter): boolean {
  return temperature === 1 && topK === 0 && topP === 1 && minP === 0;
}

/** (V) log-probabilities -> (V) probabilities of what is drawn, which sum to 1. */
export function filtered(logProbs: ArrayLike<number>, filter: Filter): Float64Array {
  const { temperature = 1, topK = 0, topP = 1, minP = 0 } = filter;
  const best = likeliest(logProbs);
  const top = logProbs[best] ?? 0;
  if (temperature === 0) return Float64Array.from(logProbs, (_, token) => (token === best ? 1 : 0));
  const shares = Float64Array.from(logProbs, (value) => Math.exp((value - top) / temperature));
  if (topK > 0 && topK < shares.length) keepLargest(shares, topK);
  if (topP < 1) keepNucleus(shares, topP);
  if (minP > 0) keepFrom(shares, minP); // The likeliest token's share is 1.
  const total = sum(shares);
  return shares.map((share) => share / total);
}

/** The first of the likeliest tokens. */
export function likeliest(logProbs: ArrayLike<number>): number {
  let best = 0;
  for (let token = 1; token < logProbs.length; token++)
    if ((logProbs[token] ?? 0) > (logProbs[best] ?? 0)) best = token;
  return best;
}

function keepLargest(shares: Float64Array, count: number): void {
  keepFrom(shares, shares.slice().sort()[shares.length - count] ?? 0);
}

function keepFrom(shares: Float64Array, least: number): void {
  shares.forEach((share, token) => {
    if (share < least) shares[token] = 0;
  });
}

/** From the least likely up, what stays within 1 - p goes; of equally likely tokens the first go first. */
function keepNucleus(shares: Float64Array, p: number): void {
  const ascending = [...shares.keys()]
    .filter((token) => (shares[token] ?? 0) > 0)
    .sort((a, b) => (shares[a] ?? 0) - (shares[b] ?? 0) || a - b);
  let room = (1 - p) * sum(shares);
  for (const token of ascending.slice(0, -1)) {
    room -= shares[token] ?? 0;
    if (room < 0) return;
    shares[token] = 0;
  }
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
