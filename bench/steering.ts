/**
 * What steering costs on one engine, by turns in one run: a training step of each conditioning with three objectives at
 * one trade-off and at four, beside that of an expert (SOFT), whole and a token; and tokens a second of the base model,
 * of merged CLP and of DeRa (Liu et al. 2024), which runs two models. Prints tables and appends a line to
 * bench/history.jsonl.
 */
import type { Tensor2D } from '@tensorflow/tfjs';
import { conditioningNames } from '../schemas/artifact.js';
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
import { middle, remember, rounded } from './measure.js';
import { asked } from './options.js';
import { clp, policyAt, prompts, reference, type Steering, type Steps } from './workload.js';

const usage = 'node dist/bench/steering.js [--engine NAME] [width] [layers]';
const objectives = ['nli', 'rouge', 'tldr'];
const turns = 12;

interface Figures {
  readonly name: string;
  readonly steps: Steps;
  /** MiB of tensors that it holds beside the reference that all have. */
  readonly mebibytes: number;
  readonly ms: number[];
  readonly perToken: number[];
  tokens: number;
}

async function open(model: Model, name: string, steering: Steering): Promise<Figures> {
  const before = tf.memory().numBytes;
  const steps = await clp(model, steering);
  const mebibytes = (tf.memory().numBytes - before) / 2 ** 20;
  return { name, steps, mebibytes, ms: [], perToken: [], tokens: 0 };
}

/** Processor time: the step of a small model is mostly one thread's. */
async function turn(figures: Figures, warm: boolean): Promise<void> {
  const start = process.cpuUsage();
  const { value } = await figures.steps.next();
  const { user, system } = process.cpuUsage(start);
  if (!value) throw new Error('a training ended');
  const [ms, tokens] = [(user + system) / 1000, value.tokens - figures.tokens];
  figures.tokens = value.tokens;
  if (!warm) return;
  figures.ms.push(ms);
  figures.perToken.push(ms / tokens);
}

async function trainings(model: Model): Promise<Record<string, string | number>[]> {
  const kinds = ['none', ...conditioningNames] as const;
  const all: Figures[] = [];
  for (const conditioning of kinds)
    for (const tradeOffs of [1, 4]) {
      const name = `${conditioning === 'none' ? 'soft' : `clp ${conditioning}`}, ${tradeOffs}`;
      all.push(await open(model, name, { conditioning, objectives, tradeOffs }));
    }
  for (let i = -2; i < turns; i++) for (const figures of all) await turn(figures, i >= 0);
  const base = (tradeOffs: string): Figures | undefined =>
    all.find(({ name }) => name === `soft, ${tradeOffs}`);
  return all.map(({ name, ms, perToken, mebibytes }) => {
    const soft = base(name.split(', ')[1] ?? '');
    return {
      'step, trade-offs': name,
      'ms cpu': rounded(middle(ms), 1),
      'of soft': rounded(middle(ms) / middle(soft?.ms ?? [])),
      'a token, of soft': rounded(middle(perToken) / middle(soft?.perToken ?? [])),
      MiB: rounded(mebibytes),
    };
  });
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

const { options, numbers } = asked({ usage, options: ['engine'], most: 2 });
const engine = engineNames.find((name) => name === (options.engine ?? 'wasm'));
if (engine === undefined)
  throw new Error(`expected ${engineNames.join(', ')}, found ${options.engine ?? ''}`);
const [width = 48, layers = 1] = numbers;
const { version, backend } = await startEngine(engine satisfies EngineName);
const model = await reference({ width, layers }, 150);
const steps = await trainings(model);
console.log(`${backend} ${version}, ${width} wide, ${layers} layer(s), ${objectives.length} objectives`);
console.table(steps);
const sampling = await samplings(model);
console.table(sampling);
remember('steering', {
  engine: `${backend} ${version}`,
  width,
  layers,
  objectives: objectives.length,
  steps,
  sampling,
});
