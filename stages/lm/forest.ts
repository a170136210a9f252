/** Builds forests of tokens: plain texts as chains, responses packed behind their prompts as tries. */
import { StageFailure } from '../../runner/contract.js';
import type { Forest, Tree } from '../backend/ops/forest.js';
import { architectureOf, type ModelConfig } from './config.js';
import type { PromptGroup, TokenBatch, Tokens } from './types.js';

/** Nodes of one text after the other. */
export function chains(texts: TokenBatch): Forest {
  const builder = new ForestBuilder();
  for (const text of texts) {
    builder.startTree();
    builder.appendAll(-1, text);
    builder.endTree();
  }
  return builder.forest();
}

/** Every response token of every group and where in a forest it is predicted. */
export interface Packed {
  readonly forest: Forest;
  /** Of an encoder-decoder: the prompts, one tree a group. */
  readonly source?: Forest;
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
 * Packs groups as tries: the prompt runs once, and so does every beginning that responses share. The last token of a
 * response is predicted and not run. A prompt has at least one token. An encoder-decoder encodes the prompts, and its
 * responses follow a token of their own.
 */
export function packGroups(
  groups: readonly PromptGroup[],
  { config }: { readonly config?: ModelConfig } = {},
): Packed {
  const { start } = config ? architectureOf(config) : {};
  const packing = new Packing();
  for (const { prompt, responses } of groups) {
    if (prompt.length === 0) throw new Error('internal error: a prompt without tokens; please report it');
    packing.add(responses, (builder) =>
      start === undefined ? builder.appendAll(-1, prompt) : builder.append(-1, start),
    );
  }
  const packed = packing.packed();
  if (start === undefined) return packed;
  const source = chains(groups.map(({ prompt }) => prompt));
  return { ...packed, source, nodes: packed.nodes + source.tokens.length };
}

/** What runs at once, at most: response tokens a tree, trees, and response tokens of all. */
export interface Bounds {
  readonly treeTokens: number;
  readonly trees: number;
  readonly tokens: number;
}

/** Logits of a pass, at most: 128 MiB of them, and as much of log-probabilities. */
const mostLogits = 2 ** 25;

/** Attention of an encoder-decoder is padded to the longest tree: its memory grows with the square of that. */
export function boundsOf(config: ModelConfig): Bounds {
  const tokens = Math.max(1, Math.floor(mostLogits / config.vocab_size));
  if (!architectureOf(config).encoder) return { treeTokens: tokens, trees: Infinity, tokens };
  return { treeTokens: Math.min(128, tokens), trees: 16, tokens };
}

/**
 * The same groups in passes of bounded memory, in the same order: the responses to a prompt are split among several
 * trees where they are many.
 */
export function boundedPasses(
  groups: readonly PromptGroup[],
  bounds: Bounds,
): readonly (readonly PromptGroup[])[] {
  const passes: PromptGroup[][] = [];
  let held = Infinity;
  for (const tree of groups.flatMap((group) => splitGroup(group, bounds))) {
    const tokens = tree.responses.reduce((sum, { length }) => sum + length, 0);
    const pass = passes.at(-1);
    if (pass && pass.length < bounds.trees && held + tokens <= bounds.tokens) {
      pass.push(tree);
      held += tokens;
    } else {
      passes.push([tree]);
      held = tokens;
    }
  }
  return passes;
}

function splitGroup(
  { prompt, responses }: PromptGroup,
  { treeTokens }: Pick<Bounds, 'treeTokens'>,
): readonly PromptGroup[] {
  const parts: Tokens[][] = [[]];
  let held = 0;
  for (const response of responses) {
    held += response.length;
    if (held > treeTokens && parts.at(-1)?.length) {
      parts.push([]);
      held = response.length;
    }
    parts.at(-1)?.push(response);
  }
  return parts.map((part) => ({ prompt, responses: part }));
}

class Packing {
  readonly #builder = new ForestBuilder();
  readonly #placeOf = new Map<number, number>();
  readonly #rows: number[] = [];
  readonly #tokens: number[] = [];
  readonly #response: number[] = [];
  #responses = 0;

  /** A tree: `begin` lays what all responses follow and gives its last node. */
  add(responses: TokenBatch, begin: (builder: ForestBuilder) => number): void {
    this.#builder.startTree();
    const root = begin(this.#builder);
    for (const text of responses) {
      let node = root;
      text.forEach((token, t) => {
        const place = this.#placeOf.get(node) ?? this.#placeOf.size;
        this.#placeOf.set(node, place);
        this.#rows.push(place);
        this.#tokens.push(token);
        this.#response.push(this.#responses);
        if (t < text.length - 1) node = this.#builder.child(node, token);
      });
      this.#responses++;
    }
    this.#builder.endTree();
  }

  packed(): Packed {
    const forest = this.#builder.forest();
    return {
      forest,
      placeNodes: Int32Array.from(this.#placeOf.keys()),
      places: this.#placeOf.size,
      rows: Int32Array.from(this.#rows),
      tokens: Int32Array.from(this.#tokens),
      response: Int32Array.from(this.#response),
      responses: this.#responses,
      nodes: forest.tokens.length,
    };
  }
}

/** A text longer than the model's context is the user's to mend. */
export function checkRoom(context: number, forest: Forest): void {
  let deepest = 0;
  for (const depth of forest.depths) deepest = Math.max(deepest, depth);
  if (deepest < context) return;
  throw new StageFailure(
    'user',
    'context',
    `a text of ${deepest + 1} tokens does not fit the model's context of ${context} positions; shorten the text or raise the context`,
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

  appendAll(parent: number, text: Tokens): number {
    let node = parent;
    for (const token of text) node = this.append(node, token);
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
