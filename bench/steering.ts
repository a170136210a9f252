/**
 * What steering costs on one engine, by turns in one run: a training step of each conditioning with three objectives at
 * one trade-off and at four, beside that of an expert (SOFT), whole and a token; and tokens a second of the base model,
 * of merged CLP and of DeRa (Liu et al. 2024), which runs two models; and eleven trade-offs in one batch beside one after
 * the other. Steps are compared in pairs that draw the same tokens, or as many where a prompt is longer; quoted is the
 * median of their ratios with a bootstrap interval. Prints tables and appends a line to bench/history.jsonl.
 */
import type { Tensor2D } from '@tensorflow/tfjs';
import { conditioningNames, type ConditioningName } from '../schemas/conditionings.js';
import type { EngineName } from '../stages/backend/engine-info.js';
import { engineNames } from '../stages/backend/engine-info.js';
import { startEngine } from '../stages/backend/engine.js';
import { combine } from '../stages/backend/ops/combine.js';
import { logSoftmax } from '../stages/backend/ops/distribution.js';
import { tf } from '../stages/backend/tf.js';
import { languageModel, sample, type Model } from '../stages/lm/index.js';
import type { LanguageModel, State } from '../stages/lm/types.js';
import { parameterPolicy } from '../stages/policy/parameter-policy.js';
import { Random } from '../stages/random.js';
import { bootstrapInterval } from '../stages/statistics/bootstrap.js';
import { severalTradeOffs } from './askings.js';
import { middle, remember, rounded } from './measure.js';
import { asked } from './options.js';
import { clp, policyAt, prompts, reference, type Steps } from './workload.js';

const usage = 'node dist/bench/steering.js [--engine NAME] [--batch PROMPTS] [--turns N] [width] [layers]';
const objectives = ['nli', 'rouge', 'tldr'];
/** Turns without a measure at first: code is compiled, memory grows. */
const warm = 5;

/** One training, and what its last step took. */
class Running {
  readonly #steps: Steps;
  #tokens = 0;

  constructor(steps: Steps) {
    this.#steps = steps;
  }

  /** Processor time: the step of a small model is mostly one thread's. */
  async step(): Promise<Spent> {
    const start = process.cpuUsage();
    const { value } = await this.#steps.next();
    const { user, system } = process.cpuUsage(start);
    if (!value) throw new Error('a training ended');
    const tokens = value.tokens - this.#tokens;
    this.#tokens = value.tokens;
    return { ms: (user + system) / 1000, tokens };
  }
}

interface Spent {
  readonly ms: number;
  readonly tokens: number;
}

/** A conditioning beside a SOFT of its own: at each turn both meet the same prompts, trade-offs and draws. */
interface Pair {
  readonly conditioning: ConditioningName;
  readonly tradeOffs: number;
  readonly clp: Running;
  readonly soft: Running;
  /** MiB of tensors that CLP holds beside the reference that all have, and those of SOFT. */
  readonly mebibytes: readonly [number, number];
  readonly turns: Turn[];
}

interface Turn {
  readonly clp: Spent;
  readonly soft: Spent;
}

async function open(model: Model, conditioning: ConditioningName, tradeOffs: number): Promise<Pair> {
  const begin = async (of: ConditioningName | 'none'): Promise<readonly [Running, number]> => {
    const before = tf.memory().numBytes;
    const rewarded = of === 'none' ? objectives.slice(0, 1) : objectives;
    const steps = await clp(model, { conditioning: of, objectives: rewarded, tradeOffs, batch, still: true });
    return [new Running(steps), (tf.memory().numBytes - before) / 2 ** 20];
  };
  const [[own, more], [soft, bare]] = [await begin(conditioning), await begin('none')];
  return { conditioning, tradeOffs, clp: own, soft, mebibytes: [more, bare], turns: [] };
}

/** One step of each, who begins by turns. */
async function turn({ clp: own, soft }: Pair, i: number): Promise<Turn> {
  if (i % 2 === 0) return { clp: await own.step(), soft: await soft.step() };
  const first = await soft.step();
  return { clp: await own.step(), soft: first };
}

async function trainings(model: Model): Promise<Record<string, string | number>[]> {
  const pairs: Pair[] = [];
  for (const tradeOffs of [1, 4])
    for (const conditioning of conditioningNames) pairs.push(await open(model, conditioning, tradeOffs));
  for (let i = -warm; i < turns; i++)
    for (const pair of pairs) {
      const taken = await turn(pair, i);
      if (i >= 0) pair.turns.push(taken);
    }
  return pairs.map(figuresOf);
}

function figuresOf({
  conditioning,
  tradeOffs,
  mebibytes,
  turns: taken,
}: Pair): Record<string, string | number> {
  const whole = taken.map((one) => one.clp.ms / one.soft.ms);
  const perToken = taken.map((one) => one.clp.ms / one.clp.tokens / (one.soft.ms / one.soft.tokens));
  const [own, soft] = mebibytes;
  return {
    'clp step': conditioning,
    'trade-offs': tradeOffs,
    'ms cpu': rounded(middle(taken.map((one) => one.clp.ms)), 1),
    'of soft': rounded(middle(whole)),
    within: intervalOf(whole),
    'a token, of soft': rounded(middle(perToken)),
    'within ': intervalOf(perToken),
    'tokens, of soft': rounded(middle(taken.map((one) => one.clp.tokens / one.soft.tokens))),
    MiB: rounded(own),
    'MiB of soft': rounded(soft),
  };
}

/** Of the median, 95%. */
function intervalOf(ratios: readonly number[]): string {
  const interval = bootstrapInterval(ratios, middle, { random: new Random(0, 'bench/steering/bootstrap') });
  return interval ? `${rounded(interval.low)}-${rounded(interval.high)}` : '';
}

/** h_ref + lambda (h_expert - h_ref), token by token. */
function realigned(expert: LanguageModel, base: LanguageModel, lambda: number): LanguageModel {
  const both = (state: State): readonly [State, State] => state as unknown as readonly [State, State];
  return {
    start: (texts) => [expert.start(texts), base.start(texts)] as unknown as State,
    next: (state, tokens) =>
      tf.tidy((): Tensor2D => {
        const [of, from] = both(state);
        const mixed = combine([lambda, 1 - lambda], [expert.next(of, tokens), base.next(from, tokens)]);
        return logSoftmax(mixed as Tensor2D);
      }),
    score: () => {
      throw new Error('not scored here');
    },
    room: (prompt, row) => base.room(prompt, row),
    dispose: () => [expert, base].forEach((one) => one.dispose()),
  };
}

async function samplings(model: Model): Promise<Record<string, string | number>[]> {
  const { config, weights, tokenizer } = model;
  const own = (): LanguageModel => languageModel(config, weights, tokenizer, { keepWeights: true });
  const policy = parameterPolicy(await policyAt(model, { conditioning: 'full', objectives }));
  const start = performance.now();
  const merged = await policy.at({ alpha: 0.05, weights: [0.5, 0.3, 0.2] });
  const merging = performance.now() - start;
  const models = { base: own(), 'clp full, merged': merged, dera: realigned(own(), own(), 0.5) };
  const texts = prompts(tokenizer)
    .slice(0, 64)
    .map(({ tokens }) => tokens);
  const perToken = new Map<string, number[]>();
  for (let i = -2; i < turns; i++)
    for (const [name, one] of Object.entries(models)) {
      const before = process.cpuUsage();
      const random = (row: number): Random => new Random(row, 'bench/steering');
      const { groups } = sample(one, {
        prompts: texts,
        samples: 1,
        maxTokens: 16,
        eos: tokenizer.eos,
        random,
      });
      const { user, system } = process.cpuUsage(before);
      const tokens = groups.reduce((sum, { responses }) => sum + (responses[0]?.length ?? 0), 0);
      if (i >= 0) perToken.set(name, [...(perToken.get(name) ?? []), (user + system) / tokens]);
    }
  const base = middle(perToken.get('base') ?? []);
  return [...perToken].map(([name, times]) => ({
    sampling: name,
    'us cpu a token': rounded(middle(times), 1),
    'of base': rounded(middle(times) / base),
    'ms to merge': name.startsWith('clp') ? rounded(merging, 2) : 0,
  }));
}

const { options, numbers } = asked({ usage, options: ['engine', 'batch', 'turns'], most: 2 });
const [batch, turns] = [Number(options.batch ?? 1), Number(options.turns ?? 40)];
const engine = engineNames.find((name) => name === (options.engine ?? 'wasm'));
if (engine === undefined)
  throw new Error(`expected ${engineNames.join(', ')}, found ${options.engine ?? ''}`);
const [width = 48, layers = 1] = numbers;
const { version, backend } = await startEngine(engine satisfies EngineName);
const model = await reference({ width, layers }, 150);
const steps = await trainings(model);
console.log(
  `${backend} ${version}, ${width} wide, ${layers} layer(s), ${objectives.length} objectives, ${batch} prompt(s) a trade-off`,
);
console.table(steps);
const sampling = await samplings(model);
console.table(sampling);
const together = await severalTradeOffs(model, { rows: 64, turns: Math.min(turns, 12), objectives });
console.table(together);
remember('steering', {
  engine: `${backend} ${version}`,
  width,
  layers,
  objectives: objectives.length,
  batch,
  turns,
  steps,
  sampling,
  together,
});
