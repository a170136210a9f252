/** Builds forests of tokens: plain texts as chains, responses packed behind their prompts as tries. */
import { StageFailure } from '../../runner/contract.js';
import type { Forest, Tree } from '../backend/ops/forest.js';
import type { DecoderConfig, PromptGroup, TokenBatch } from './types.js';

/** Nodes of one text after the other. A prefix of k soft tokens has the ids vocab_size, ..., vocab_size + k - 1. */
export function chains(
  texts: TokenBatch,
  lead: { readonly config: DecoderConfig; readonly prefix: number },
): Forest {
  const builder = new ForestBuilder();
  for (const text of texts) {
    builder.startTree();
    let node = builder.appendPrefix(lead.config, lead.prefix);
    for (const token of text) node = builder.append(node, token);
    builder.endTree();
  }
  return builder.forest();
}

/** Every response token of every group and where in a forest it is predicted. */
export interface Packed {
  readonly forest: Forest;
  /** (M) nodes at which something is predicted. */
  readonly placeNodes: Int32Array;
  readonly places: number;
  /** (S) scored tokens, in the order group, response, token: the row of the M places that predicts it. */
  readonly rows: Int32Array;
  readonly tokens: Int32Array;
  /** (S) response of each scored token, counted through all groups. */
  readonly response: Int32Array;
  readonly responses: number;
  /** Tokens that run through the model. */
  readonly nodes: number;
}

/**
 * Packs groups as tries: the prompt runs once, and so does every beginning that responses share. The last
 * token of a response is predicted and not run. A prompt has at least one token.
 */
export function packGroups(
  groups: readonly PromptGroup[],
  lead?: { readonly config: DecoderConfig; readonly prefix: number },
): Packed {
  const builder = new ForestBuilder();
  const placeOf = new Map<number, number>();
  const rows: number[] = [];
  const tokens: number[] = [];
  const response: number[] = [];
  let responses = 0;
  for (const group of groups) {
    builder.startTree();
    let root = lead ? builder.appendPrefix(lead.config, lead.prefix) : -1;
    for (const token of group.prompt) root = builder.append(root, token);
    if (root < 0) throw new Error('internal error: a prompt without tokens; please report it');
    for (const text of group.responses) {
      let node = root;
      text.forEach((token, t) => {
        const place = placeOf.get(node) ?? placeOf.size;
        placeOf.set(node, place);
        rows.push(place);
        tokens.push(token);
        response.push(responses);
        if (t < text.length - 1) node = builder.child(node, token);
      });
      responses++;
    }
    builder.endTree();
  }
  const forest = builder.forest();
  return {
    forest,
    placeNodes: Int32Array.from(placeOf.keys()),
    places: placeOf.size,
    rows: Int32Array.from(rows),
    tokens: Int32Array.from(tokens),
    response: Int32Array.from(response),
    responses,
    nodes: forest.tokens.length,
  };
}

/** A text longer than the model's context is the user's to mend. */
export function checkRoom(config: DecoderConfig, forest: Forest): void {
  let deepest = 0;
  for (const depth of forest.depths) deepest = Math.max(deepest, depth);
  if (deepest < config.n_positions) return;
  throw new StageFailure(
    'user',
    'context',
    `a text of ${deepest + 1} tokens does not fit the model's context of ${config.n_positions} (n_positions); shorten the text or raise the context`,
  );
}

class ForestBuilder {
  readonly #tokens: number[] = [];
  readonly #parents: number[] = [];
  readonly #depths: number[] = [];
  readonly #trees: Tree[] = [];
  /** Children of the current tree's nodes, by parent and token. */
  #children = new Map<string, number>();
  #start = 0;

  startTree(): void {
    this.#start = this.#tokens.length;
    this.#children = new Map();
  }

  append(parent: number, token: number): number {
    const node = this.#tokens.length;
    this.#tokens.push(token);
    this.#parents.push(parent);
    this.#depths.push(parent < 0 ? 0 : (this.#depths[parent] ?? 0) + 1);
    return node;
  }

  /** The node of a token below a parent, made where it is not there yet. */
  child(parent: number, token: number): number {
    const key = `${parent} ${token}`;
    const known = this.#children.get(key);
    if (known !== undefined) return known;
    const node = this.append(parent, token);
    this.#children.set(key, node);
    return node;
  }

  appendPrefix(config: DecoderConfig, count: number): number {
    let node = -1;
    for (let i = 0; i < count; i++) node = this.append(node, config.vocab_size + i);
    return node;
  }

  endTree(): void {
    const start = this.#start;
    const end = this.#tokens.length;
    if (end === start) throw new Error('internal error: an empty text has no logits; please report it');
    this.#trees.push({ start, end, trunk: this.#trunk(start, end) });
  }

  /** The chain from the root to the first node that has not exactly one child. */
  #trunk(start: number, end: number): number {
    const children = new Int32Array(end - start);
    for (let i = start + 1; i < end; i++) {
      const parent = (this.#parents[i] ?? start) - start;
      children[parent] = (children[parent] ?? 0) + 1;
    }
    const last = children.findIndex((count) => count !== 1);
    return last + 1;
  }

  forest(): Forest {
    return {
      tokens: Int32Array.from(this.#tokens),
      parents: Int32Array.from(this.#parents),
      depths: Int32Array.from(this.#depths),
      trees: this.#trees,
    };
  }
}
