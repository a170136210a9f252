/** Rows of one batch that each add a mixture of their own, against models whose weights are merged for it. */
import { tf } from '../../backend/tf.js';
import { Random } from '../../random.js';
import type { ModelConfig } from '../config.js';
import { languageModel } from '../language-model.js';
import { adapted, adaptersOf, freshFactors, rowFactors } from '../lora.js';
import type { LanguageModel, NamedTensors, TokenBatch, Tokens } from '../types.js';
import { disposeTensors, mapTensors } from '../weights.js';
import { drawn, largest } from './drawn.js';

const text = (...ids: number[]): Tokens => Int32Array.from(ids);

/** Two prompts that rows of several mixtures share, in no order; responses of several lengths that begin alike. */
const [long, short] = [text(4, 7, 3, 5, 8), text(6)];
const prompts = [long, short, long, long, short, long];
const responses = [text(5, 3, 4), text(5), text(5, 3), text(5, 3, 4), text(6, 8), text(7, 4, 3, 6)];
const mixtures = [
  [0.3, 0.7],
  [0, 0.4],
];
const of = Int32Array.of(0, 1, 1, 0, 1, 0);

/** The largest difference of a log-probability, packed and step by step. */
export function rowAdapterError(config: ModelConfig): number {
  const { weights } = drawn(config);
  const adapters = adaptersOf(config, { rank: 2, alpha: 3, targets: 'all' });
  const sets = [0, 1].map((i) => far(freshFactors(adapters, new Random(i, 'conformance/factors'))));
  const tensors = rowFactors(adapters, sets, mixtures);
  const masked = new Int32Array();
  const own = languageModel(config, weights, { masked }, { keepWeights: true, adapters: { tensors, of } });
  const found = said(own, prompts, responses);
  own.dispose();
  const errors = mixtures.flatMap((shares, i) => {
    const parts = sets.map((factors, k) => ({ factors, share: shares[k] ?? 0 }));
    const merged = adapted(weights, adapters, parts);
    const model = languageModel(config, { ...weights, ...merged }, { masked }, { keepWeights: true });
    const rows = [...of.keys()].filter((row) => of[row] === i);
    const at = <T>(items: readonly T[]): T[] =>
      rows.map((row) => items[row]).filter((item) => item !== undefined);
    const wanted = said(model, at(prompts), at(responses));
    model.dispose();
    disposeTensors(merged);
    return at(found).flatMap((values, k) => values.map((value, t) => value - (wanted[k]?.[t] ?? NaN)));
  });
  for (const set of [weights, tensors, ...sets]) disposeTensors(set);
  return largest(errors);
}

/** Factors of which neither is zero. */
function far(factors: NamedTensors): NamedTensors {
  const moved = mapTensors(factors, (tensor, name) => {
    const random = new Random(0, `conformance/${name}`);
    return tf.tensor(
      tensor.dataSync().map((value) => value + 0.3 * random.normal()),
      tensor.shape,
    );
  });
  disposeTensors(factors);
  return moved;
}

/** Log-probabilities of the tokens of each response: scored, and then by the cache. */
function said(model: LanguageModel, prompts: TokenBatch, responses: TokenBatch): number[][] {
  const table = model.score(prompts, responses);
  const scored = table.arraySync();
  table.dispose();
  const stepped = stepByStep(model, prompts, responses);
  return responses.map(({ length }, row) => [
    ...(scored[row] ?? []).slice(0, length),
    ...(stepped[row] ?? []),
  ]);
}

/** By the cache, a token at a time; a row ends with its response. */
export function stepByStep(model: LanguageModel, prompts: TokenBatch, responses: TokenBatch): number[][] {
  const state = model.start(prompts);
  const found: number[][] = responses.map(() => []);
  const longest = Math.max(...responses.map((response) => response.length));
  for (let t = 0; t < longest; t++) {
    const last =
      t === 0
        ? undefined
        : tf.tensor1d(
            responses.map((tokens) => (t < tokens.length ? (tokens[t - 1] ?? -1) : -1)),
            'int32',
          );
    const table = model.next(state, last);
    const values = table.arraySync();
    for (const tensor of [table, last]) tensor?.dispose();
    responses.forEach((tokens, row) => {
      if (t < tokens.length) found[row]?.push(values[row]?.[tokens[t] ?? -1] ?? NaN);
    });
  }
  return found;
}
