/** V, V* and regret of a language model on prompts whose rewarded responses can all be listed. */
import { StageFailure } from '../../runner/contract.js';
import type { ExactPoint } from '../../schemas/artifact.js';
import { problemOf, type ListedWorld } from '../data/world.js';
import type { MaskedTokenizer } from '../lm/index.js';
import type { LanguageModel, TokenBatch, Tokens } from '../lm/types.js';
import { atRows, type SteerablePolicy, type TradeOff } from '../policy/types.js';
import { exactPoint, networkRounding } from '../worlds/finite.js';
import type { FiniteProblem } from '../worlds/types.js';
import type { Prompt } from './prompts.js';

/** A prompt with all responses that earn anything. */
export interface ListedPrompt {
  readonly tokens: Tokens;
  /** Each with the end of the text. */
  readonly strings: TokenBatch;
  /** Strings that don't come back as their text: no policy of this vocabulary gives them. */
  readonly unspeakable: readonly boolean[];
  readonly problem: FiniteProblem;
}

export interface Listing {
  readonly world: ListedWorld;
  readonly objectives: readonly string[];
  readonly tokenizer: MaskedTokenizer;
  /** pi_ref. */
  readonly reference: LanguageModel;
}

/** Lists the responses to each prompt, with rewards and log pi_ref. */
export function listPrompts(
  prompts: readonly Prompt[],
  { world, objectives, tokenizer, reference }: Listing,
): readonly ListedPrompt[] {
  const listed = prompts.map(({ row, tokens }) => {
    const responses = world.responses(row);
    const strings = responses.map(({ text }) => Int32Array.of(...tokenizer.encode(text), tokenizer.eos));
    const unspeakable = responses.map(({ text }, i) => tokenizer.decode(strings[i] ?? []) !== text);
    return { tokens, strings, unspeakable, responses };
  });
  const logReference = logProbabilities(reference, listed);
  return listed.map(({ responses, ...prompt }, i) => ({
    ...prompt,
    problem: {
      ...problemOf(responses, objectives, logReference[i] ?? new Float64Array()),
      rounding: networkRounding,
    },
  }));
}

/** Says that samples can't end as listed responses do which are longer than they; undefined where none is. */
export function cutShort(prompts: readonly Strings[], maxTokens: number): string | undefined {
  const lengths = prompts.flatMap(({ strings, unspeakable }) =>
    strings.flatMap(({ length }, i) => (unspeakable[i] ? [] : [length])),
  );
  const cut = lengths.filter((length) => length > maxTokens).length;
  if (cut === 0) return undefined;
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  const share = Math.max(1, Math.round((100 * cut) / lengths.length));
  return (
    `max_tokens: ${maxTokens} cuts ${share}% of the responses that the exact world lists, the longest of which has ${longest} ` +
    'tokens with its end: exact figures count them, and no sample ends as they do'
  );
}

type Strings = Pick<ListedPrompt, 'tokens' | 'strings' | 'unspeakable'>;

/** Prompts that run through the model at once: bounds the memory, and changes no result. */
const chunk = 16;

/** log pi of every string of every prompt. */
function logProbabilities(model: LanguageModel, prompts: readonly Strings[]): readonly Float64Array[] {
  const results: Float64Array[] = [];
  for (let i = 0; i < prompts.length; i += chunk)
    results.push(...logProbabilitiesAtOnce(model, prompts.slice(i, i + chunk)));
  return results;
}

function logProbabilitiesAtOnce(model: LanguageModel, prompts: readonly Strings[]): readonly Float64Array[] {
  const scores = model.score(
    prompts.flatMap(({ tokens, strings }) => strings.map(() => tokens)),
    prompts.flatMap(({ strings }) => strings),
  ); // (B, T)
  const [, longest] = scores.shape;
  const values = scores.dataSync<'float32'>();
  scores.dispose();
  let row = 0;
  return prompts.map(({ strings, unspeakable }) =>
    Float64Array.from(strings, (_, s) => {
      const tokens = values.subarray(row * longest, ++row * longest);
      return unspeakable[s] ? -Infinity : tokens.reduce((sum, value) => sum + value, 0);
    }),
  );
}

/**
 * What the model reaches at a trade-off, beside the optimum and the reference; means over the prompts. A StageFailure
 * where a figure is not finite.
 */
export function exactAt(
  model: LanguageModel,
  prompts: readonly ListedPrompt[],
  tradeOff: TradeOff,
): ExactPoint {
  return pointOf(prompts, logProbabilities(model, prompts), tradeOff);
}

/** At each of several trade-offs, in batches of all. */
export async function exactAtEach(
  policy: SteerablePolicy,
  tradeOffs: readonly TradeOff[],
  prompts: readonly ListedPrompt[],
): Promise<readonly ExactPoint[]> {
  const logs = tradeOffs.map((): Float64Array[] => []);
  const size = Math.max(1, Math.floor(chunk / tradeOffs.length));
  for (let i = 0; i < prompts.length; i += size) {
    const some = prompts.slice(i, i + size);
    const rows = some.flatMap(({ strings }) => strings);
    const model = await atRows(
      policy,
      tradeOffs.flatMap((tradeOff) => rows.map(() => tradeOff)),
    );
    const found = logProbabilitiesAtOnce(
      model,
      tradeOffs.flatMap(() => some),
    );
    model.dispose();
    logs.forEach((own, k) => own.push(...found.slice(k * some.length, (k + 1) * some.length)));
  }
  return tradeOffs.map((tradeOff, k) => pointOf(prompts, logs[k] ?? [], tradeOff));
}

function pointOf(
  prompts: readonly ListedPrompt[],
  logs: readonly Float64Array[],
  tradeOff: TradeOff,
): ExactPoint {
  const point = exactPoint(
    prompts.map(({ problem }, i) => ({ problem, logPolicy: logs[i] ?? new Float64Array() })),
    tradeOff,
  );
  refuseInfinite(point, tradeOff);
  return point;
}

/** A policy with NaN among its weights, or one that takes what the reference excludes, has no value to be written. */
function refuseInfinite(point: ExactPoint, { alpha, weights }: TradeOff): void {
  const { value, optimum, kl } = point;
  if ([value, optimum, kl].every(Number.isFinite)) return;
  throw new StageFailure(
    'user',
    'exact-infinite',
    `at alpha ${alpha} and weights [${weights.join(', ')}] the policy has no finite value (V ${value}, V* ${optimum}, ` +
      `KL ${kl}): it diverged in training, or gives probability to what the reference excludes`,
  );
}
