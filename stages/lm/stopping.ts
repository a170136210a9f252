/** Texts that end a response, beside the end of the text itself. */
import { StageFailure } from '../../runner/contract.js';
import type { Tokenizer } from './types.js';

export interface Stopping {
  /** Whether a response ends with its last token: what it says so far holds one of the texts. */
  ends(tokens: ArrayLike<number>): boolean;
  /** What is kept of a response's text: all before the first of them. */
  cut(text: string): string;
}

/** A text that the tokenizer never writes would never stop anything: a StageFailure. */
export function stopAt(
  texts: readonly string[],
  { encode, decode }: Pick<Tokenizer, 'encode' | 'decode'>,
): Stopping {
  for (const text of texts) {
    const written = decode(encode(text));
    if (written !== text) throw neverWritten(text, written);
  }
  const first = (said: string): number =>
    Math.min(...texts.map((text) => said.indexOf(text)).map((place) => (place < 0 ? Infinity : place)));
  return {
    ends: (tokens) => texts.length > 0 && first(decode(tokens)) < Infinity,
    cut: (text) => text.slice(0, first(text)),
  };
}

function neverWritten(text: string, written: string): StageFailure {
  const instead = written === '' ? '' : `; it writes ${JSON.stringify(written)} for it`;
  return new StageFailure(
    'user',
    'stop-unwritable',
    `responses can't be stopped at ${JSON.stringify(text)}: the tokenizer never writes it${instead}`,
  );
}
