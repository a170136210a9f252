/**
 * Counter-based random numbers (Philox4x32-10; Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
 * SC 2011). A stream is named by (seed, purpose) and by nothing else: never by a key, a cell or a worker, so
 * that an edit of the code does not change the luck. Its whole state is one counter, so a checkpoint is exact.
 */
import { createHash } from 'node:crypto';
import { oneHot } from './vector.js';

const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;

/** Philox4x32-10 of one counter under one key: 4 words of 32 random bits. */
export function philox(counter: readonly number[], key: readonly number[]): [number, number, number, number] {
  let [c0 = 0, c1 = 0, c2 = 0, c3 = 0] = counter;
  let [k0 = 0, k1 = 0] = key;
  for (let round = 0; round < 10; round++) {
    const [h0, l0] = mul(M0, c0);
    const [h1, l1] = mul(M1, c2);
    [c0, c1, c2, c3] = [(h1 ^ c1 ^ k0) >>> 0, l1, (h0 ^ c3 ^ k1) >>> 0, l0];
    k0 = (k0 + W0) >>> 0;
    k1 = (k1 + W1) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** High and low word of a 32 x 32 bit product, without BigInt. */
function mul(a: number, b: number): [number, number] {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const low = aLow * bLow;
  const middle = aHigh * bLow + (low >>> 16);
  const middle2 = aLow * bHigh + (middle & 0xffff);
  const high = aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(middle2 / 65536);
  return [high >>> 0, (((middle2 & 0xffff) << 16) | (low & 0xffff)) >>> 0];
}

export interface RandomState {
  readonly position: number;
}

/** A stream of random numbers with a position that can be saved and restored. */
export class Random {
  readonly #key: readonly [number, number];
  readonly #stream: readonly [number, number];
  #position = 0;
  #block: readonly number[] = [];
  #blockIndex = -1;

  constructor(seed: number, purpose: string) {
    const hash = createHash('sha256').update(`moft-random-1\0${seed}\0${purpose}`).digest();
    this.#key = [hash.readUInt32LE(0), hash.readUInt32LE(4)];
    this.#stream = [hash.readUInt32LE(8), hash.readUInt32LE(12)];
  }

  get state(): RandomState {
    return { position: this.#position };
  }
  set state(state: RandomState) {
    this.#position = state.position;
  }

  /** An integer in [0, 2^32). */
  uint32(): number {
    const index = Math.floor(this.#position / 4);
    if (index !== this.#blockIndex) {
      this.#block = philox([index >>> 0, Math.floor(index / 2 ** 32), ...this.#stream], this.#key);
      this.#blockIndex = index;
    }
    return this.#block[this.#position++ % 4] ?? 0;
  }

  /** A double in [0, 1) with 53 random bits. */
  uniform(): number {
    return (Math.floor(this.uint32() / 32) * 2 ** 26 + Math.floor(this.uint32() / 64)) / 2 ** 53;
  }

  /** An integer in [0, n). */
  integer(n: number): number {
    return Math.floor(this.uniform() * n);
  }

  /** A standard normal number (Box-Muller, one of the pair). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  /** A Gamma(shape, 1) number (Marsaglia and Tsang 2000). */
  gamma(shape: number): number {
    if (shape < 1) return this.gamma(shape + 1) * Math.pow(1 - this.uniform(), 1 / shape);
    const d = shape - 1 / 3;
    const c = 1 / Math.sqrt(9 * d);
    for (;;) {
      const x = this.normal();
      const v = (1 + c * x) ** 3;
      if (v > 0 && Math.log(1 - this.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
    }
  }

  /** A point of the simplex of m corners, Dirichlet(concentration, ..., concentration). */
  dirichlet(m: number, concentration: number): number[] {
    const draws = Array.from({ length: m }, () => this.gamma(concentration));
    const sum = draws.reduce((a, b) => a + b, 0);
    // All underflowed: so small a concentration leaves the corners, each as likely as another.
    if (!(sum > 0)) return oneHot(this.integer(m), m);
    return draws.map((g) => g / sum);
  }

  /** An index drawn with the given probabilities (they need not sum to exactly 1). */
  categorical(probabilities: ArrayLike<number>): number {
    let total = 0;
    for (let i = 0; i < probabilities.length; i++) total += probabilities[i] ?? 0;
    let left = this.uniform() * total;
    for (let i = 0; i < probabilities.length; i++) {
      left -= probabilities[i] ?? 0;
      if (left < 0) return i;
    }
    for (let i = probabilities.length - 1; i > 0; i--) if ((probabilities[i] ?? 0) > 0) return i;
    return 0;
  }

  /** A shuffled copy (Fisher-Yates). */
  shuffle<T>(items: readonly T[]): T[] {
    const result = [...items];
    for (let i = result.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      [result[i], result[j]] = [result[j] as T, result[i] as T];
    }
    return result;
  }
}
