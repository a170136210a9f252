/** A first pipeline as text: whole, commented, and the same for the same answers. */
import { folderColumns, type Folder } from './folder.js';

export const methods = ['soup', 'full', 'attention', 'logits', 'prompt'] as const;
export type Method = (typeof methods)[number];
export type Data = 'news' | 'jsonl';

/** Rewards that each kind of data can be scored with. */
export const rewardsFor: Readonly<Record<Data, readonly string[]>> = {
  news: ['nli', 'rouge', 'tldr'],
  jsonl: ['brevity', 'faithfulness', 'rouge-l'],
};

export interface Answers {
  readonly name: string;
  readonly data: Data;
  /** Two or more, sorted: a gathered axis is sorted, and both kinds of policies must agree on the order. */
  readonly rewards: readonly string[];
  readonly methods: readonly Method[];
  readonly seeds: number;
  /** Of `jsonl` data. */
  readonly folder?: Folder;
}

export function template(answers: Answers): string {
  const conditionings = answers.methods.filter((method) => method !== 'soup');
  const parts = [
    head(answers),
    answers.data === 'news' ? news : jsonl(answers.folder),
    reference(answers, conditionings),
    ...(answers.methods.includes('soup') ? [experts(answers)] : []),
    ...(conditionings.length > 0 ? [clp(answers, conditionings)] : []),
    ...(answers.methods.includes('soup') ? [soup] : []),
    front(answers, conditionings),
    report(answers),
  ];
  return parts.join('');
}

const stageOf = ({ data }: Answers): string => (data === 'news' ? 'news' : 'texts');
const list = (names: readonly string[]): string => `[${names.join(', ')}]`;

const head = ({ name, seeds, data }: Answers): string => `name: ${name}
# Each training stage runs once for each seed; figures are averaged, with intervals from three seeds on.
seeds: ${seeds}
# Values that are written once and used as $params.name. Give others with \`moft run FILE -p steps=50\`.
params:
  alpha: 0.05 # weight of the KL to the reference, between 0 and 1
  reference_steps: ${data === 'news' ? 600 : 700}
  steps: ${data === 'news' ? 300 : 200}

# Stages name each other with $stage.output; a reference carries the axes of the stage that it names.
stages:
`;

const news = `  # An embedded world of short news items, whose best compromise is known exactly.
  news:
    uses: data/news
    with: { size: small, documents: 2048, validation: 64, test: 32 }
`;

function jsonl(folder: Folder | undefined): string {
  const path = JSON.stringify(folder?.path ?? 'data');
  const { files, columns } = folderColumns(folder);
  return `  # Your own text: one JSON object a line. \`columns\` names the fields that are read.
  texts:
    uses: data/jsonl
    with:
      folder: ${path} # relative to this file
      files: { ${files.map(([split, file]) => `${split}: ${JSON.stringify(file)}`).join(', ')} }
      columns: { ${columns.map(([role, field]) => `${role}: ${JSON.stringify(field)}`).join(', ')} }
      prompt: { words: 64, longer: truncate }
      response: { words: 32, longer: truncate }
`;
}

function reference(answers: Answers, conditionings: readonly Method[]): string {
  const stage = stageOf(answers);
  const noise = conditionings.includes('prompt')
    ? '      conditioning_noise: 0.3 # the reference learns to ignore conditioning tokens, which prompting writes\n'
    : '';
  const validation = hasSplit(answers, 'validation') ? `      validation: $${stage}.validation\n` : '';
  const shape =
    answers.data === 'news'
      ? `      model: { width: 48, layers: 1, heads: 4, context: 64 }
      batch: 32
      learning_rate: 0.01
      warmup: 100
      schedule: linear
`
      : `      model: { width: 64, layers: 2, heads: 4, context: 112 }
      vocabulary: 2000
      learning_rate: 0.004
      loss_on: all
`;
  return `  # The model that everything starts from, and that the KL is measured against.
  reference:
    uses: sft
    with:
      data: $${stage}.train
${validation}${shape}${noise}      steps: $params.reference_steps
`;
}

const hasSplit = ({ data, folder }: Answers, split: string): boolean =>
  data === 'news' || folderColumns(folder).files.some(([name]) => name === split);

const training = ({ data }: Answers): string =>
  data === 'news'
    ? '      learning_rate: 0.004\n      max_tokens: 20\n'
    : '      learning_rate: 0.001\n      max_tokens: 36\n      batch: 4\n';

const experts = (answers: Answers): string => `  # One policy for each reward alone.
  expert:
    uses: soft
    matrix: { reward: ${list(answers.rewards)} }
    with:
      reference: $reference.model
      prompts: $${stageOf(answers)}.train
      rewards: $matrix.reward
      alpha: $params.alpha
      steps: $params.steps
${training(answers)}`;

function clp(answers: Answers, conditionings: readonly Method[]): string {
  return `  # One policy for all trade-offs, trained once for each conditioning: how a trade-off enters the parameters.
  clp:
    uses: clp
    matrix: { conditioning: ${list(conditionings)} }
    with:
      reference: $reference.model
      prompts: $${stageOf(answers)}.train
      rewards: ${list(answers.rewards)}
      conditioning: $matrix.conditioning
      sampling: { weights: { dirichlet: 1 }, alpha: $params.alpha }
      steps: $params.steps
${training(answers)}`;
}

const soup = `  # Rewarded soup: the experts' parameters, averaged by the weights that are asked for. (reward=*) gathers the axis.
  soup:
    uses: rewarded-soup
    with: { experts: $expert(reward=*).policy }
`;

function front(answers: Answers, conditionings: readonly Method[]): string {
  const policies = [
    ...(answers.methods.includes('soup') ? ['rewarded-soup: $soup.policy'] : []),
    ...(conditionings.length > 0 ? ['clp: $clp.policy'] : []),
  ];
  const split = hasSplit(answers, 'test') ? 'test' : 'train';
  const points = answers.rewards.length > 2 || answers.data === 'jsonl' ? 4 : 11;
  const limits =
    answers.data === 'news' ? '      max_tokens: 20\n' : '      max_tokens: 36\n      prompt_limit: 48\n';
  return `  # What each policy reaches over a grid of trade-offs. The values of this axis are references.
  front:
    uses: front
    matrix:
      method: { ${policies.join(', ')} }
    with:
      policy: $matrix.method
      prompts: $${stageOf(answers)}.${split}
      grid: { weights: { simplex: ${points} } } # points on an edge of the simplex
${limits}`;
}

const report = ({
  name,
}: Answers): string => `  # One page with the fronts, measures and samples: \`moft report FILE\`.
  report:
    uses: report
    with:
      title: ${name}
      fronts: $front(*).front
`;
