/** Responses drawn from a language model, with our own random numbers: replay and resume give the same text. */
import { StageFailure } from '../../runner/contract.js';
import { exp } from '../backend/exp.js';
import { tf } from '../backend/tf.js';
import type { Random } from '../random.js';
import { filtered, isPlain, likeliest, type Filter } from './filter.js';
import type { Stopping } from './stopping.js';
import type { LanguageModel, PromptGroup, State, TokenBatch, Tokens } from './types.js';

export interface SampleRequest {
  readonly prompts: TokenBatch;
  /** Responses a prompt. */
  readonly samples: number;
  readonly maxTokens: number;
  /** The token that ends a response, or several. */
  readonly eos: number | readonly number[];
  /** What is drawn from instead of the model itself. */
  readonly filter?: Filter;
  /** What ends a response beside EOS. */
  readonly stopping?: Stopping;
  /** A stream of its own for row = prompt * samples + sample: results don't depend on what runs beside them. */
  readonly random: (row: number) => Random;
}

export interface Samples {
  /** Group i holds prompt i and its responses, EOS (or what completes a stop) included where reached. */
  readonly groups: readonly PromptGroup[];
  /** logProbs[row][t] of each token under the model itself, whatever the filter. */
  readonly logProbs: readonly Float32Array[];
  /** The same under what was drawn from: those of the model where nothing is filtered. */
  readonly logDrawn: readonly Float32Array[];
  /** Of each row, whether it was cut before it ended. */
  readonly clipped: readonly boolean[];
}

/** Draws by the inverse distribution function, one uniform number a token; a row ends with EOS, a stop or at maxTokens. */
export function sample(model: LanguageModel, request: SampleRequest): Samples {
  const { prompts, samples, filter = {} } = request;
  const tiled = prompts.flatMap((prompt) => Array.from({ length: samples }, () => prompt));
  const streams = tiled.map((_, row) => request.random(row));
  const draw = isPlain(filter) ? drawPlain : drawFiltered(filter);
  const rows = generate(model, tiled, request, (logProbs, row) =>
    draw(logProbs, streams[row]?.uniform() ?? 0),
  );
  const floats = (of: (row: Row) => readonly number[]): Float32Array[] =>
    rows.map((row) => Float32Array.from(of(row)));
  return {
    groups: prompts.map((prompt, p) => ({
      prompt,
      responses: rows.slice(p * samples, (p + 1) * samples).map(({ tokens }) => Int32Array.from(tokens)),
    })),
    logProbs: floats(({ logProbs }) => logProbs),
    logDrawn: floats(({ logDrawn }) => logDrawn),
    clipped: rows.map(({ finished }) => !finished),
  };
}

/** The most likely token at each step. */
export function greedy(model: LanguageModel, prompts: TokenBatch, maxTokens: number, eos: number): Tokens[] {
  const choose: Choose = (logProbs) => ({ token: likeliest(logProbs), logDrawn: 0 });
  return generate(model, prompts, { maxTokens, eos }, choose).map(({ tokens }) => Int32Array.from(tokens));
}

interface Row {
  readonly tokens: number[];
  readonly logProbs: number[];
  readonly logDrawn: number[];
  /** Nothing follows: it is finished, or there is no room for more. */
  ended: boolean;
  finished: boolean;
}

interface Drawn {
  readonly token: number;
  readonly logDrawn: number;
}

/** Chooses a token from (V) log-probabilities. */
type Choose = (logProbs: Float32Array, row: number) => Drawn;

function generate(
  model: LanguageModel,
  prompts: TokenBatch,
  { maxTokens, eos, stopping }: Pick<SampleRequest, 'maxTokens' | 'eos' | 'stopping'>,
  choose: Choose,
): Row[] {
  prompts.forEach((prompt, row) => checkRoom(model, prompt, row));
  const ends = new Set([eos].flat());
  const rows = prompts.map((): Row => ({
    tokens: [],
    logProbs: [],
    logDrawn: [],
    ended: false,
    finished: false,
  }));
  if (rows.length === 0) return rows;
  const state = model.start(prompts);
  let last: Int32Array | undefined;
  while (rows.some(({ ended }) => !ended)) {
    const table = nextTable(model, state, last);
    const width = table.length / rows.length;
    last = Int32Array.from(rows, (row, r) => {
      if (row.ended) return -1;
      const logProbs = table.subarray(r * width, (r + 1) * width);
      const { token, logDrawn } = choose(logProbs, r);
      row.tokens.push(token);
      row.logProbs.push(logProbs[token] ?? NaN);
      row.logDrawn.push(logDrawn);
      const limit = Math.min(maxTokens, model.room(prompts[r] ?? new Int32Array(), r));
      row.finished = ends.has(token) || (stopping?.ends(row.tokens) ?? false);
      row.ended = row.finished || row.tokens.length >= limit;
      return row.ended ? -1 : token;
    });
  }
  model.end?.(state);
  return rows;
}

/** (B, V) flat; a token of -1 says that its row has ended. */
function nextTable(model: LanguageModel, state: State, last: Int32Array | undefined): Float32Array {
  const tokens = last && tf.tensor1d(last, 'int32');
  const logProbs = model.next(state, tokens);
  const table = logProbs.dataSync<'float32'>();
  logProbs.dispose();
  tokens?.dispose();
  return table;
}

function checkRoom(model: LanguageModel, prompt: Tokens, row: number): void {
  if (model.room(prompt, row) > 0) return;
  throw new StageFailure(
    'user',
    'context',
    `a prompt of ${prompt.length} tokens leaves no room for a response; shorten it or raise the context`,
  );
}

/** The token at u in [0, 1) of the distribution function. */
export function drawPlain(logProbs: Float32Array, u: number): Drawn {
  let left = u;
  for (let token = 0; token < logProbs.length; token++) {
    const logDrawn = logProbs[token] ?? 0;
    left -= exp(logDrawn);
    if (left < 0) return { token, logDrawn };
  }
  // Rounding: the probabilities summed to a little less than they should.
  const token = likeliest(logProbs);
  return { token, logDrawn: logProbs[token] ?? 0 };
}

/** The same of what a filter leaves. */
export function drawFiltered(filter: Filter): (logProbs: Float32Array, u: number) => Drawn {
  return (logProbs, u) => {
    const probabilities = filtered(logProbs, filter);
    let left = u;
    let token = probabilities.findIndex((probability) => (left -= probability) < 0);
    if (token < 0) token = likeliest(logProbs);
    return { token, logDrawn: Math.log(probabilities[token] ?? NaN) };
  };
}
