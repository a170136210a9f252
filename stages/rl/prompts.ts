/** Prompts as a policy reads them, and the order in which training meets them. */
import { StageFailure } from '../../runner/contract.js';
import type { Row } from '../data/types.js';
import type { Tokenizer, Tokens } from '../lm/types.js';
import { joined } from '../policy/prompted-model.js';
import { Random } from '../random.js';

/** A row with the tokens of its prompt, the separator included. */
export interface Prompt {
  readonly row: Row;
  readonly tokens: Tokens;
}

export interface Room {
  /** Positions of the model. */
  readonly context: number;
  /** Tokens that the trade-off may take before the prompt. */
  readonly before: number;
  /** Longest response. */
  readonly maxTokens: number;
}

/** prompt <sep>: what comes before every response, in SFT and after. */
export function encodePrompt(tokenizer: Tokenizer, text: string): Tokens {
  return joined(tokenizer.encode(text), Int32Array.of(tokenizer.sep));
}

/** Encodes rows; an empty list, or a prompt that leaves too little room for the response, is a StageFailure. */
export function encodePrompts(rows: readonly Row[], tokenizer: Tokenizer, room: Room): readonly Prompt[] {
  if (rows.length === 0) throw new StageFailure('user', 'empty-dataset', 'the prompts are an empty dataset');
  return rows.map((row) => {
    const tokens = encodePrompt(tokenizer, row.prompt);
    // The last token of a response is predicted and takes no position.
    const left = room.context - room.before - tokens.length + 1;
    if (left < room.maxTokens) throw tooLong(row, tokens.length, left, room);
    return { row, tokens };
  });
}

function tooLong(row: Row, length: number, left: number, room: Room): StageFailure {
  const conditioning = room.before > 0 ? ` and ${room.before} of conditioning` : '';
  return new StageFailure(
    'user',
    'context',
    `the prompt of row ${JSON.stringify(row.id)} has ${length} tokens${conditioning}, which leaves ` +
      `${Math.max(0, left)} of ${room.context} positions for a response of up to ${room.maxTokens} tokens; ` +
      'shorten or drop long prompts, lower max_tokens, or train a reference with a larger context',
  );
}

/**
 * The n prompts of a step's g-th trade-off: the data in a shuffled order, epoch after epoch. Depends on the seed and
 * the position alone, so that every method of a seed meets the same documents, and a resumed run goes on.
 */
export function promptsAt(
  prompts: readonly Prompt[],
  at: { readonly seed: number; readonly start: number; readonly count: number },
): readonly Prompt[] {
  return Array.from({ length: at.count }, (_, i) => {
    const position = at.start + i;
    const order = epochOrder(prompts.length, at.seed, Math.floor(position / prompts.length));
    return prompts[order[position % prompts.length] ?? 0] as Prompt;
  });
}

let lastOrder: { readonly name: string; readonly order: readonly number[] } | undefined;

function epochOrder(length: number, seed: number, epoch: number): readonly number[] {
  const name = `${length}/${seed}/${epoch}`;
  if (lastOrder?.name !== name)
    lastOrder = { name, order: new Random(seed, `rl/order/${epoch}`).shuffle([...Array(length).keys()]) };
  return lastOrder.order;
}
