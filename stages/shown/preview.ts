/** What supervised finetuning would learn of its rows, token by token, before anything is trained. */
import { readFile } from 'node:fs/promises';
import {
  artifactFile,
  oneInput,
  requiredInput,
  type ArtifactRef,
  type StageJob,
} from '../../runner/contract.js';
import { openDataset } from '../data/dataset.js';
import type { Row } from '../data/types.js';
import { learnsPrompt, tokenizerOf } from '../kinds/sft.run.js';
import type { SftWith } from '../kinds/sft.js';
import { contextOf, parseConfig, readTokenizer, type MaskedTokenizer, type Model } from '../lm/index.js';
import { examplesOf, unknownShare, type Example } from '../rl/supervised.js';

export interface PreviewRow {
  readonly id: string;
  /** Texts of the tokens, as the vocabulary has them. */
  readonly tokens: readonly string[];
  readonly ids: readonly number[];
  /** The loss mask: 1 for a token whose probability is learnt. */
  readonly learnt: readonly (0 | 1)[];
}

export interface Preview {
  readonly rows: readonly PreviewRow[];
  readonly examples: number;
  readonly vocabulary: number;
  /** Tokens of the longest row, and of the model. */
  readonly longest: number;
  readonly context: number;
  /** Of all tokens. */
  readonly learntShare: number;
  readonly unknownShare: number;
}

/**
 * Reads the dataset and makes its examples as the training would.
 *
 * @param rows the number of rows to show
 * @throws StageFailure where the training would refuse them
 */
export async function previewSft(job: StageJob<SftWith>, rows: number): Promise<Preview> {
  const data = await openDataset(requiredInput(job, 'data'));
  const base = oneInput(job, 'base');
  const { tokenizer, context, learnPrompt } = base
    ? await ofBase(job.with, base)
    : {
        tokenizer: tokenizerOf(data.rows, job.with),
        context: job.with.model.context,
        learnPrompt: job.with.loss_on === 'all',
      };
  const examples = examplesOf(data.rows, tokenizer, {
    ...{ context, learnPrompt, noise: job.with.conditioning_noise },
  });
  const shown = examples.slice(0, rows).map((example, i) => ({
    id: data.rows[i]?.id ?? '',
    ...shownExample(example, tokenizer),
  }));
  return { rows: shown, context, vocabulary: tokenizer.vocabulary.length, ...sumUp(examples, tokenizer) };
}

async function ofBase(values: SftWith, base: ArtifactRef) {
  const path = artifactFile(base, 'config.json');
  const config: Model['config'] = parseConfig(await readFile(path, 'utf8'), path);
  const tokenizer = await readTokenizer((name) => base.files?.[name], config);
  return { tokenizer, context: contextOf(config), learnPrompt: learnsPrompt(values, { config }) };
}

function shownExample(
  { prompt, response }: Example,
  { vocabulary }: MaskedTokenizer,
): Omit<PreviewRow, 'id'> {
  const ids = [...prompt, ...response];
  return {
    tokens: ids.map((id) => vocabulary[id] ?? String(id)),
    ids,
    learnt: ids.map((_, i) => (i < prompt.length ? 0 : 1)),
  };
}

function sumUp(
  examples: readonly Example[],
  tokenizer: MaskedTokenizer,
): Pick<Preview, 'examples' | 'longest' | 'learntShare' | 'unknownShare'> {
  let [all, learnt, longest] = [0, 0, 0];
  for (const { prompt, response } of examples) {
    const length = prompt.length + response.length;
    all += length;
    learnt += response.length;
    longest = Math.max(longest, length);
  }
  return {
    ...{ examples: examples.length, longest, learntShare: learnt / all },
    unknownShare: unknownShare(examples, tokenizer),
  };
}

export interface PreviewSplit {
  readonly name: string;
  readonly count: number;
  readonly rows: readonly Row[];
}

/** What a stage made in a folder: the first rows of each dataset. */
export function previewSplits(
  outputs: Readonly<Record<string, ArtifactRef>>,
  rows: number,
): Promise<readonly PreviewSplit[]> {
  return Promise.all(
    Object.entries(outputs).map(async ([name, artifact]) => {
      const read = await openDataset(artifact);
      return { name, count: read.rows.length, rows: read.rows.slice(0, rows) };
    }),
  );
}
