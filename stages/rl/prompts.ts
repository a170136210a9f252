/** Prompts as a policy reads them. */
import { StageFailure } from '../../runner/contract.js';
import type { Row } from '../data/types.js';
import type { Tokenizer, Tokens } from '../lm/types.js';

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

/** Encodes rows; an empty list, or a prompt that leaves too little room for the response, is a StageFailure. */
export function encodePrompts(rows: readonly Row[], tokenizer: Tokenizer, room: Room): readonly Prompt[] {
  if (rows.length === 0) throw new StageFailure('user', 'empty-dataset', 'the prompts are an empty dataset');
  return rows.map((row) => {
    const tokens = tokenizer.encodePrompt(row.prompt);
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
