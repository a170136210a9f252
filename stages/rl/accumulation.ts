/** The gradient of V from a rollout that is too large to run at once. */
import { disposeTensors, linearCombination } from '../lm/index.js';
import type { TradeOff } from '../policy/types.js';
import { policyGradient, type GradientInput, type PolicyGradient } from './policy-gradient.js';
import type { Rollout } from './rollout.js';

/**
 * As `policyGradient`, a few prompts at a time. Every baseline is of one prompt and the objective is a mean over prompts,
 * so the means of the parts, each by its share of the prompts, are those of the whole.
 */
export function accumulatedGradient(
  input: GradientInput,
  rollout: Rollout,
  { tradeOff, microBatch }: { readonly tradeOff: TradeOff; readonly microBatch: number },
): PolicyGradient {
  const count = rollout.prompts.length;
  const starts = Array.from({ length: Math.ceil(count / microBatch) }, (_, i) => i * microBatch);
  if (starts.length < 2) return policyGradient(input, rollout, tradeOff);
  let whole: Weighed | undefined;
  for (const start of starts) {
    const prompts = rollout.prompts.slice(start, start + microBatch);
    const responses = rollout.responses.slice(start, start + microBatch);
    const found = policyGradient(input, { ...rollout, prompts, responses }, tradeOff);
    const said = responses
      .flat()
      .reduce((sum, { rewards, tokens }) => sum + (rewards ? tokens.length : 0), 0);
    whole = joined(whole, { ...found, share: prompts.length / count, said });
  }
  if (!whole) throw new Error('internal error: a rollout without prompts; please report it');
  return whole;
}

interface Weighed extends PolicyGradient {
  /** Of all prompts. */
  readonly share: number;
  /** Tokens of responses that have rewards. */
  readonly said: number;
}

/** Takes the gradients of both over. */
function joined(a: Weighed | undefined, b: Weighed): Weighed {
  const sets = a ? [a.gradients, b.gradients] : [b.gradients];
  const gradients = linearCombination(a ? [1, b.share] : [b.share], sets);
  sets.forEach(disposeTensors);
  const said = (a?.said ?? 0) + b.said;
  return {
    gradients,
    loss: (a?.loss ?? 0) + b.share * b.loss,
    logRatios: [...(a?.logRatios ?? []), ...b.logRatios],
    entropy: said === 0 ? 0 : ((a?.entropy ?? 0) * (a?.said ?? 0) + b.entropy * b.said) / said,
    tokens: (a?.tokens ?? 0) + b.tokens,
    share: (a?.share ?? 0) + b.share,
    said,
  };
}
