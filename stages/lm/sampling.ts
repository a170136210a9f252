/** Responses drawn from a language model, with our own random numbers: replay and resume give the same text. */
import { StageFailure } from '../../runner/contract.js';
import { exp } from '../backend/exp.js';
import { tf } from '../backend/tf.js';
import type { Random } from '../random.js';
import type { LanguageModel, PromptGroup, State, TokenBatch, Tokens } from './types.js';

export interface SampleRequest {
  readonly prompts: TokenBatch;
  /** Responses a prompt. */
  readonly samples: number;
  readonly maxTokens: number;
  readonly eos: number;
  /** Default 1. */
  readonly temperature?: number;
  /** A stream of its own for row = prompt * samples + sample: results don't depend on what runs beside them. */
  readonly random: (row: number) => Random;
}

export interface Samples {
  /** Group i holds prompt i and its responses, EOS included where reached. */
  readonly groups: readonly PromptGroup[];
  /** logProbs[row][t] of each token under the model, at temperature 1. */
  readonly logProbs: readonly Float32Array[];
  /** Responses cut at maxTokens without EOS. */
  readonly clipped: number;
}

/** Draws by the inverse distribution function, one uniform number a token; a row ends with EOS or at maxTokens. */
export function sample(model: LanguageModel, request: SampleRequest): Samples {
  const { prompts, samples, eos, temperature = 1 } = request;
  const tiled = prompts.flatMap((prompt) => Array.from({ length: samples }, () => prompt));
  const streams = tiled.map((_, row) => request.random(row));
  const rows = generate(model, tiled, { maxTokens: request.maxTokens, eos }, (logProbs, row) =>
    drawToken(logProbs, temperature, streams[row]?.uniform() ?? 0),
  );
  return {
    groups: prompts.map((prompt, p) => ({
      prompt,
      responses: rows.slice(p * samples, (p + 1) * samples).map(({ tokens }) => Int32Array.from(tokens)),
    })),
    logProbs: rows.map(({ logProbs }) => Float32Array.from(logProbs)),
    clipped: rows.filter(({ tokens }) => tokens.at(-1) !== eos).length,
  };
}

/** The most likely token at each step. */
export function greedy(model: LanguageModel, prompts: TokenBatch, maxTokens: number, eos: number): Tokens[] {
  return generate(model, prompts, { maxTokens, eos }, largest).map(({ tokens }) => Int32Array.from(tokens));
}

interface Row {
  readonly tokens: number[];
  readonly logProbs: number[];
  ended: boolean;
}

/** Chooses a token from (V) log-probabilities. */
type Choose = (logProbs: Float32Array, row: number) => number;

function generate(
  model: LanguageModel,
  prompts: TokenBatch,
  { maxTokens, eos }: { readonly maxTokens: number; readonly eos: number },
  choose: Choose,
): Row[] {
  for (const prompt of prompts) checkRoom(model, prompt);
  const rows: Row[] = prompts.map(() => ({ tokens: [], logProbs: [], ended: false }));
  if (rows.length === 0) return rows;
  const state = model.start(prompts);
  let last: Int32Array | undefined;
  while (rows.some(({ ended }) => !ended)) {
    const table = nextTable(model, state, last);
    const width = table.length / rows.length;
    last = Int32Array.from(rows, (row, r) => {
      if (row.ended) return -1;
      const logProbs = table.subarray(r * width, (r + 1) * width);
      const token = choose(logProbs, r);
      row.tokens.push(token);
      row.logProbs.push(logProbs[token] ?? NaN);
      const limit = Math.min(maxTokens, model.room(prompts[r] ?? new Int32Array()));
      row.ended = token === eos || row.tokens.length >= limit;
      return row.ended ? -1 : token;
    });
  }
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

function checkRoom(model: LanguageModel, prompt: Tokens): void {
  if (model.room(prompt) > 0) return;
  throw new StageFailure(
    'user',
    'context',
    `a prompt of ${prompt.length} tokens leaves no room for a response; shorten it or raise the context`,
  );
}

/** Inverse of the distribution function of softmax(logProbs / temperature) at u in [0, 1). */
export function drawToken(logProbs: Float32Array, temperature: number, u: number): number {
  let left = u * (temperature === 1 ? 1 : total(logProbs, temperature));
  for (let token = 0; token < logProbs.length; token++) {
    left -= exp((logProbs[token] ?? 0) / temperature);
    if (left < 0) return token;
  }
  // Rounding: the probabilities summed to a little less than they should.
  return largest(logProbs);
}

function total(logProbs: Float32Array, temperature: number): number {
  let sum = 0;
  for (const value of logProbs) sum += exp(value / temperature);
  return sum;
}

function largest(logProbs: Float32Array): number {
  let best = 0;
  for (let token = 1; token < logProbs.length; token++)
    if ((logProbs[token] ?? 0) > (logProbs[best] ?? 0)) best = token;
  return best;
}
