/** What several trade-offs of one policy cost: in one batch, and one after the other on weights merged for each. */
import { tf } from '../stages/backend/tf.js';
import { mapTensors, sample, type Model } from '../stages/lm/index.js';
import type { LanguageModel, NamedTensors, Tokens } from '../stages/lm/types.js';
import { parameterPolicy } from '../stages/policy/parameter-policy.js';
import { atRows, type SteerablePolicy, type TradeOff } from '../stages/policy/types.js';
import { Random } from '../stages/random.js';
import { middle, rounded } from './measure.js';
import { policyAt, prompts } from './workload.js';

/** Those whose rows run in one batch. */
const conditionings = ['lora', 'svd-lora', 'prompt', 'soft-tokens', 'logits'] as const;

const tradeOffs: readonly TradeOff[] = Array.from({ length: 11 }, (_, i) => ({
  alpha: 0.05,
  weights: [0.08 * i, 0.8 - 0.08 * i, 0.2],
}));

/** Processor milliseconds by what they went into. */
type Spent = Record<'drawing' | 'scoring', number>;

interface Asking {
  readonly policy: SteerablePolicy;
  readonly texts: readonly Tokens[];
  readonly eos: number;
}

type Way = (at: Asking) => Promise<Spent>;

const ways: Readonly<Record<'alone' | 'together', Way>> = {
  async alone(at) {
    const spent = { drawing: 0, scoring: 0 };
    for (const tradeOff of tradeOffs) {
      const { drawing, scoring } = await ask(() => at.policy.at(tradeOff), at.texts, at);
      spent.drawing += drawing;
      spent.scoring += scoring;
    }
    return spent;
  },
  together: (at) => {
    const asked = tradeOffs.flatMap((tradeOff) => at.texts.map(() => tradeOff));
    const texts = tradeOffs.flatMap(() => at.texts);
    return ask(() => atRows(at.policy, asked), texts, at);
  },
};

/** One response to each text, drawn from a model that is made for it, and scored. */
async function ask(open: () => Promise<LanguageModel>, texts: readonly Tokens[], at: Asking): Promise<Spent> {
  const begin = process.cpuUsage();
  const model = await open();
  const random = (row: number): Random => new Random(row % at.texts.length, 'bench/asking');
  const { groups } = sample(model, { prompts: texts, samples: 1, maxTokens: 16, eos: at.eos, random });
  const drawing = since(begin);
  const drawn = process.cpuUsage();
  const scores = model.score(
    texts,
    groups.flatMap(({ responses }) => responses),
  );
  scores.dataSync();
  scores.dispose();
  const scoring = since(drawn);
  model.dispose();
  return { drawing, scoring };
}

function since(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

/** By turns; of `rows` prompts at each of eleven trade-offs. */
export async function severalTradeOffs(
  model: Model,
  {
    rows,
    turns,
    objectives,
  }: { readonly rows: number; readonly turns: number; readonly objectives: string[] },
): Promise<Record<string, string | number>[]> {
  const { tokenizer } = model;
  const texts = prompts(tokenizer).slice(0, rows);
  const found: Record<string, string | number>[] = [];
  for (const conditioning of conditionings) {
    const policy = await movedPolicy(model, conditioning, objectives);
    const at = { policy, texts: texts.map(({ tokens }) => tokens), eos: tokenizer.eos };
    const spent: Record<keyof typeof ways, Spent[]> = { alone: [], together: [] };
    for (let i = -1; i < turns; i++)
      for (const way of ['alone', 'together'] as const) {
        const one = await ways[way](at);
        if (i >= 0) spent[way].push(one);
      }
    policy.dispose();
    const of = (way: keyof typeof ways, part: keyof Spent): number =>
      middle(spent[way].map((one) => one[part]));
    found.push({
      'trade-offs': `${tradeOffs.length} of ${conditioning}, ${rows} rows each`,
      'ms cpu drawing, alone': rounded(of('alone', 'drawing'), 1),
      'drawing, alone over together': rounded(of('alone', 'drawing') / of('together', 'drawing')),
      'ms cpu scoring, alone': rounded(of('alone', 'scoring'), 1),
      'scoring, alone over together': rounded(of('alone', 'scoring') / of('together', 'scoring')),
    });
  }
  return found;
}

/** Copies and factors lie apart, as those of a training do. */
async function movedPolicy(
  model: Model,
  conditioning: (typeof conditionings)[number],
  objectives: readonly string[],
): Promise<SteerablePolicy> {
  const stored = await policyAt(model, { conditioning, objectives });
  const shared = conditioning === 'svd-lora' ? moved(stored.shared, 'shared') : stored.shared;
  return parameterPolicy({
    ...stored,
    shared,
    copies: stored.copies.map((copy, i) => moved(copy, `copy ${i}`)),
  });
}

function moved(tensors: NamedTensors, name: string): NamedTensors {
  const random = new Random(0, `bench/${name}`);
  return mapTensors(tensors, (tensor) => {
    const values = tensor.dataSync().map((value) => value + 0.05 * random.normal());
    tensor.dispose();
    return tf.tensor(values, tensor.shape);
  });
}
