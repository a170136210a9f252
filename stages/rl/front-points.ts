/** What a policy reaches at one trade-off on held-out prompts: means with standard errors, KL, entropy, samples. */
import type { Front, FrontPoint, FrontSample } from '../../schemas/artifact.js';
import type { Filter, MaskedTokenizer } from '../lm/index.js';
import type { LanguageModel } from '../lm/types.js';
import { atRows, type SteerablePolicy, type TradeOff } from '../policy/types.js';
import { Random } from '../random.js';
import type { Reward } from '../rewards/types.js';
import { standardError } from '../statistics/interval.js';
import { weightedSum } from '../vector.js';
import { filters, type Decoding } from './decoding.js';
import { mean } from './figures.js';
import type { Prompt } from './prompts.js';
import { promptGroups, rollOut, type Response } from './rollout.js';

export interface Asking {
  readonly prompts: readonly Prompt[];
  readonly rewards: readonly Reward[];
  readonly tokenizer: MaskedTokenizer;
  /** Responses a prompt. */
  readonly samples: number;
  readonly maxTokens: number;
  /** Seed of the dice: the same rows meet the same numbers, whatever the policy and the trade-off. */
  readonly samplingSeed: number;
  readonly decoding: Decoding;
}

export interface Answers {
  /** The responses to each prompt, in the order of the prompts. */
  readonly responses: readonly (readonly Response[])[];
  /** Of all responses in order: log-probabilities of what was drawn from. */
  readonly logDrawn: readonly Float32Array[];
}

/** Rows of a batch, at most: each keeps its keys and values, and all have 64 MiB of log-probabilities at a token. */
export function mostRows({ vocabulary }: Pick<MaskedTokenizer, 'vocabulary'>): number {
  return Math.min(2048, 2 ** 24 / vocabulary.length);
}

/** Prompts that are too many for a batch are asked in several: each row meets the dice that it meets in one. */
export function ask(model: LanguageModel, asking: Asking): Answers {
  const { prompts, samples, tokenizer } = asking;
  const size = Math.max(1, Math.floor(mostRows(tokenizer) / samples));
  const parts = Array.from({ length: Math.ceil(prompts.length / size) }, (_, i) =>
    askRows(model, asking, { prompts: prompts.slice(i * size, (i + 1) * size), from: i * size * samples }),
  );
  return {
    responses: parts.flatMap(({ responses }) => responses),
    logDrawn: parts.flatMap(({ logDrawn }) => logDrawn),
  };
}

/** At each of several trade-offs, in one batch: the rows of each meet the dice that they meet alone. */
export async function askEach(
  policy: SteerablePolicy,
  tradeOffs: readonly TradeOff[],
  asking: Asking,
): Promise<readonly Answers[]> {
  const { prompts, samples } = asking;
  const rows = prompts.length * samples;
  const model = await atRows(
    policy,
    tradeOffs.flatMap((tradeOff) => Array.from({ length: rows }, () => tradeOff)),
  );
  const all = askRows(model, asking, { prompts: tradeOffs.flatMap(() => prompts), from: 0 });
  model.dispose();
  return tradeOffs.map((_, i) => ({
    responses: all.responses.slice(i * prompts.length, (i + 1) * prompts.length),
    logDrawn: all.logDrawn.slice(i * rows, (i + 1) * rows),
  }));
}

/** `from`: the first row among those of all prompts. */
function askRows(
  model: LanguageModel,
  asking: Asking,
  { prompts, from }: { readonly prompts: readonly Prompt[]; readonly from: number },
): Answers {
  const rows = asking.prompts.length * asking.samples;
  const random = (row: number): Random =>
    new Random(asking.samplingSeed, `front/responses/${(from + row) % rows}`);
  const options = { ...asking, stop: asking.decoding.stop, random };
  const { responses, logDrawn } = rollOut(model, prompts, options, filterOf(asking.decoding));
  return { responses, logDrawn };
}

function filterOf({ temperature, top_k, top_p, min_p }: Decoding): Filter {
  return { temperature, topK: top_k, topP: top_p, minP: min_p };
}

export type MeanRewards = Pick<FrontPoint, 'rewards' | 'stderr' | 'n' | 'prompts'>;

/**
 * Mean reward an objective and its standard error. Responses to one prompt are no independent witnesses: the error
 * is that of the mean of the prompts' means, and not known where fewer than two prompts have any. Responses without a
 * reward are left out; `n` counts the others, and `prompts` theirs.
 */
export function meanRewards(answers: Answers['responses'], objectives: number): MeanRewards {
  const scored = onlyScored(answers);
  const perObjective = Array.from({ length: objectives }, (_, k) =>
    meansOf(scored, ({ rewards }) => rewards[k] ?? 0),
  );
  return {
    rewards: perObjective.map(mean),
    stderr: scored.length < 2 ? null : perObjective.map(standardError),
    n: scored.flat().length,
    prompts: scored.length,
  };
}

type Scored<Said> = Said & { readonly rewards: readonly number[] };

/** The responses that have rewards, of the prompts that have any. */
function onlyScored<Said extends Pick<Response, 'rewards'>>(
  answers: readonly (readonly Said[])[],
): readonly (readonly Scored<Said>[])[] {
  return answers
    .map((responses) =>
      responses.flatMap((said) => (said.rewards ? [{ ...said, rewards: said.rewards }] : [])),
    )
    .filter((responses) => responses.length > 0);
}

/** Of each prompt, the mean over its responses. */
function meansOf<Said>(prompts: readonly (readonly Said[])[], of: (said: Said) => number): readonly number[] {
  return prompts.map((responses) => mean(responses.map(of)));
}

/** Null where there are fewer than two values. */
const errorOf = (values: readonly number[]): number | null =>
  values.length < 2 ? null : standardError(values);

/**
 * A point of a front from the answers and from what the reference thinks of them. KL and entropy are those of what was
 * drawn from: with a filter, of the filtered policy. All means are over the same responses, those that have rewards, so
 * that V = (1 - alpha) w.r - alpha KL is of one set of prompts.
 */
export function frontPoint(
  answers: Answers,
  { alpha, weights }: TradeOff,
  { reference, asking }: { readonly reference: LanguageModel; readonly asking: Asking },
): FrontPoint {
  const scored = withRatios(answers, reference, asking.prompts);
  const all = scored.flat();
  const kl = meansOf(scored, ({ ratio }) => ratio);
  const value = meansOf(
    scored,
    ({ rewards, ratio }) => (1 - alpha) * weightedSum(weights, rewards) - alpha * ratio,
  );
  return {
    alpha,
    weights: [...weights],
    ...meanRewards(answers.responses, asking.rewards.length),
    kl: mean(kl),
    klStderr: errorOf(kl),
    valueStderr: errorOf(value),
    length: mean(all.map(({ tokens }) => tokens.length)),
    // The mean of -log pi over sampled tokens: unbiased for the mean entropy of the places that are visited.
    entropy: mean(all.flatMap(({ drawn }) => Array.from(drawn, (log) => -log))),
    clipped: mean(all.map(({ clipped }) => Number(clipped))),
  };
}

/** The reference itself, asked as the policy is: with a filter, what is drawn has a KL to it. */
export function referencePoint(
  reference: LanguageModel,
  asking: Asking,
): MeanRewards & Pick<Front['reference'], 'kl'> {
  const answers = ask(reference, asking);
  const rewards = meanRewards(answers.responses, asking.rewards.length);
  if (filters(asking.decoding).length === 0) return rewards;
  return {
    ...rewards,
    kl: mean(meansOf(withRatios(answers, reference, asking.prompts), ({ ratio }) => ratio)),
  };
}

interface Told extends Response {
  /** Log-probabilities of what was drawn from. */
  readonly drawn: Float32Array;
  /** log pi(y) - log pi_ref(y), pi what was drawn from: its mean is the KL. */
  readonly ratio: number;
}

/** The responses that have rewards, with what the reference thinks of them. */
function withRatios(
  { responses, logDrawn }: Answers,
  reference: LanguageModel,
  prompts: readonly Prompt[],
): readonly (readonly Scored<Told>[])[] {
  const groups = promptGroups({ prompts, responses });
  const scores = reference.score(
    groups.flatMap(({ prompt, responses }) => responses.map(() => prompt)),
    groups.flatMap(({ responses }) => responses),
  ); // (B, T)
  const [, longest] = scores.shape;
  const values = scores.dataSync<'float32'>();
  scores.dispose();
  let row = 0;
  return onlyScored(
    responses.map((said) =>
      said.map((response): Told => {
        const drawn = logDrawn[row] ?? new Float32Array();
        const logReference = values.subarray(row * longest, ++row * longest);
        return { ...response, drawn, ratio: total(drawn) - total(logReference) };
      }),
    ),
  );
}

function total(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** The first answer to each of the first prompts, for the report. */
export function shownSamples(
  { responses }: Answers,
  tradeOff: TradeOff,
  { prompts, shown }: { readonly prompts: readonly Prompt[]; readonly shown: number },
): readonly FrontSample[] {
  return prompts.slice(0, shown).flatMap(({ row }, i) => {
    const answer = responses[i]?.find(({ rewards }) => rewards !== null);
    if (!answer?.rewards) return [];
    return [
      {
        prompt: row.prompt,
        alpha: tradeOff.alpha,
        weights: [...tradeOff.weights],
        response: answer.text,
        rewards: [...answer.rewards],
      },
    ];
  });
}
