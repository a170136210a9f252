/**
 * The enumerable world: documents of four symbols, responses of three, so that every response can be listed and V,
 * its gradient, V* and regret are exact for any tabular policy.
 *
 * Symbols 0-5 are content, 6 = H (an opening that hedges), 7 = EOS (absorbing). anti(k) = (k+3) mod 6. A document
 * (x0 topic, x1, x2, x3 filler) hides the reference tokens {anti x1, anti x2} and the headline anti x0. Three rewards
 * pull apart: `nli` (what stands in the document), `rouge` (the hidden tokens), `tldr` (short, and the headline).
 * Hedging pays a bit of everything; the alignment dial c says how much. At c = .25 it never pays; at c = .75 each
 * expert opens with the topic while the optimum at equal weights hedges, which mixing of experts never does.
 */
import type { Tree } from './tree.js';
import { nodeLogits } from './tree.js';

export type Document = readonly [topic: number, x1: number, x2: number, filler: number];
/** (y0, a, b); leaf number 64 y0 + 8 a + b. */
export type Response = readonly [y0: number, a: number, b: number];

export const hedge = 6;
export const endOfSequence = 7;
export const symbols = 8;
export const responseLength = 3;
export const enumerableObjectives = ['nli', 'rouge', 'tldr'] as const;
/** Alignment dials: how much of every reward an answer that hedges earns. */
export const dials = { aligned: 0.25, opposed: 0.75 } as const;

const content = [0, 1, 2, 3, 4, 5];
const noise = 0.1;

const anti = (k: number): number => (k + 3) % 6;

/** All 336 documents, in lexicographic order. */
export function documents(): Document[] {
  const all = content.flatMap((x0) =>
    content.flatMap((x1) => content.flatMap((x2) => content.map((x3): Document => [x0, x1, x2, x3]))),
  );
  return all.filter(
    ([x0, x1, x2, x3]) =>
      x2 !== x1 &&
      x2 !== anti(x1) &&
      ![x1, x2].map(anti).includes(x0) &&
      ![x0, x1, x2].map(anti).includes(x3),
  );
}

/**
 * One document of each class that differs in the names of its symbols only, with the size of the class (24 or 48).
 * Everything that treats symbols by whether they are equal or opposite (rewards, reference, optima, mixing) is the
 * same throughout a class.
 */
export function documentClasses(): { readonly document: Document; readonly size: number }[] {
  const classes = new Map<string, { document: Document; size: number }>();
  for (const document of documents()) {
    const known = classes.get(pattern(document));
    if (known) known.size += 1;
    else classes.set(pattern(document), { document, size: 1 });
  }
  return [...classes.values()];
}

/** The document with its symbols renamed in the order in which they turn up. */
function pattern(document: Document): string {
  const order = [...new Set(document)];
  return document.map((symbol) => order.indexOf(symbol)).join('');
}

/** The response that a leaf number stands for. */
export function responseOf(leaf: number): Response {
  return [Math.floor(leaf / 64), Math.floor(leaf / 8) % 8, leaf % 8];
}

/** Leaf number of a response. */
export function leafOf([y0, a, b]: Response): number {
  return 64 * y0 + 8 * a + b;
}

/** [nli, rouge, tldr] of a response, each in [0,1], at the dial c. */
export function enumerableRewards(document: Document, [y0, a, b]: Response, dial: number): number[] {
  const [x0, x1, x2] = document;
  const hidden = [anti(x1), anti(x2)];
  if (y0 === hedge) {
    const quality = half([x1, x2].includes(a)) + half(hidden.includes(b));
    return [dial * quality, dial * quality, dial * quality];
  }
  const emitted = [a, b].filter((token) => token !== endOfSequence);
  const supported = emitted.filter((token) => document.includes(token)).length;
  const overlap = hidden.filter((token) => emitted.includes(token)).length;
  const nli = emitted.length === 0 ? 0 : supported / emitted.length;
  const rouge = (2 * overlap) / (emitted.length + 2);
  const tldr = half(b === endOfSequence) + half(a === anti(x0));
  const onTopic = y0 === x0 ? 1 : 0.5;
  return [nli, rouge, tldr].map((reward) => onTopic * reward);
}

const half = (holds: boolean): number => (holds ? 0.5 : 0);

/** The responses that the reference data is made of, with their shares. */
function modes(document: Document): (readonly [response: Response, share: number])[] {
  const [x0, x1, x2] = document;
  const [r, q] = [anti(x1), anti(x2)];
  return [
    [[x0, x1, x2], 0.19],
    [[x0, x2, x1], 0.19],
    [[x0, r, q], 0.16],
    [[x0, q, r], 0.16],
    [[x0, anti(x0), endOfSequence], 0.16],
    ...[x1, x2].flatMap((a) => [r, q].map((b) => [[hedge, a, b], 0.035] as const)),
  ];
}

/**
 * log pi_ref of all 512 leaves: a mode, each of its tokens replaced by a uniform one with probability .1, then EOS
 * made absorbing. Leaves that go on after EOS have -Infinity; 400 are left.
 */
export function referenceLeaves(document: Document): Float64Array {
  const mass = new Float64Array(symbols ** responseLength);
  for (const [mode, share] of modes(document))
    for (let leaf = 0; leaf < mass.length; leaf++) {
      const written = responseOf(leaf);
      const canonical = leafOf(absorbed(written));
      mass[canonical] = (mass[canonical] ?? 0) + share * noisy(mode, written);
    }
  return mass.map(Math.log);
}

/** Probability that noise turns a mode into exactly these tokens. */
function noisy(mode: Response, written: Response): number {
  return written.reduce((p, token, i) => p * (noise / symbols + (token === mode[i] ? 1 - noise : 0)), 1);
}

/** Nothing but EOS after the first one. */
function absorbed([y0, a, b]: Response): Response {
  const second = y0 === endOfSequence ? endOfSequence : a;
  return [y0, second, second === endOfSequence ? endOfSequence : b];
}

/**
 * One document as a tree of 512 leaves.
 * @param objectives indices into `enumerableObjectives`
 * @param reference log pi_ref of the leaves; the data's own distribution if absent
 */
export function enumerableTree(
  document: Document,
  options: {
    readonly dial: number;
    readonly objectives: readonly number[];
    readonly reference?: Float64Array;
  },
): Tree {
  const { dial, objectives, reference = referenceLeaves(document) } = options;
  const rewards = Array.from({ length: reference.length }, (_, leaf) => {
    const all = enumerableRewards(document, responseOf(leaf), dial);
    return objectives.map((objective) => all[objective] ?? 0);
  });
  return {
    branching: symbols,
    depth: responseLength,
    rewards,
    reference: nodeLogits(reference, symbols),
  };
}
