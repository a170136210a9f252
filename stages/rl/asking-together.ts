/** What a policy answers at several trade-offs: in one batch where that costs less, else one after the other. */
import type { ExactPoint } from '../../schemas/artifact.js';
import type { SteerablePolicy, TradeOff } from '../policy/types.js';
import { exactAt, exactAtEach, type ListedPrompt } from './exact-evaluation.js';
import { ask, askEach, mostRows, type Answers, type Asking } from './front-points.js';

export interface AnswersAt {
  readonly tradeOff: TradeOff;
  readonly answers: Answers;
  readonly exact?: ExactPoint;
}

/** What is asked at a trade-off; `listed`: prompts whose responses are all scored, too. */
type Asked = Asking & { readonly listed?: readonly Pick<ListedPrompt, 'strings'>[] | undefined };

/** The trade-offs that are asked together. */
export function batchesOf(
  tradeOffs: readonly TradeOff[],
  policy: Pick<SteerablePolicy, 'together'>,
  { prompts, samples, tokenizer, listed = [] }: Asked,
): readonly (readonly TradeOff[])[] {
  const rows = prompts.length * samples;
  const scored = listed.reduce((sum, { strings }) => sum + strings.length, 0);
  const together = policy.together(Math.max(rows, scored));
  const size = together ? Math.max(1, Math.floor(mostRows(tokenizer) / rows)) : 1;
  return Array.from({ length: Math.ceil(tradeOffs.length / size) }, (_, i) =>
    tradeOffs.slice(i * size, (i + 1) * size),
  );
}

/** Each as if it were asked alone, but for the rounding of a larger batch. */
export async function answersAt(
  policy: SteerablePolicy,
  batch: readonly TradeOff[],
  { asking, listed }: { readonly asking: Asking; readonly listed?: readonly ListedPrompt[] | undefined },
): Promise<readonly AnswersAt[]> {
  const [tradeOff] = batch;
  if (batch.length !== 1 || !tradeOff) {
    const answers = await askEach(policy, batch, asking);
    const exact = listed && (await exactAtEach(policy, batch, listed));
    return batch.flatMap((one, i) => {
      const [own, point] = [answers[i], exact?.[i]];
      return own ? [{ tradeOff: one, answers: own, ...(point ? { exact: point } : {}) }] : [];
    });
  }
  const model = await policy.at(tradeOff);
  const answers = ask(model, asking);
  const exact = listed && exactAt(model, listed, tradeOff);
  model.dispose();
  return [{ tradeOff, answers, ...(exact ? { exact } : {}) }];
}
