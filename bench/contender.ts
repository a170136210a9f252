/**
 * One engine in a process of its own, commanded line by line by bench/engines.ts: `node dist/bench/contender.js ENGINE
 * ours|shipped`. bench/torch-peer.py answers the same commands.
 */
import { createInterface } from 'node:readline';
import type { EngineName } from '../stages/backend/engine-info.js';
import { startEngine } from '../stages/backend/engine.js';
import { allowFusedKernels } from '../stages/backend/fused.js';
import { logSoftmax } from '../stages/backend/ops/distribution.js';
import { tf } from '../stages/backend/tf.js';
import { restoreShippedMatMul } from '../stages/backend/wasm-matmul.js';
import { Trainer, type DecoderSize } from '../stages/lm/conformance/speed.js';
import { hiddenStates, outputLogits } from '../stages/lm/decoder.js';
import { chains } from '../stages/lm/forest.js';
import { languageModel, sample } from '../stages/lm/index.js';
import { writeSafetensors } from '../stages/lm/safetensors.js';
import { drawPlain } from '../stages/lm/sampling.js';
import type { Tokens } from '../stages/lm/types.js';
import { Random } from '../stages/random.js';
import { peakMebibytes } from './measure.js';

/** Milliseconds, on the clock and of the processor. */
export interface Spent {
  readonly ms: number;
  readonly cpu: number;
}

/** What is asked of a contender, and what it answers. */
export interface Commands {
  readonly open: {
    readonly ask: DecoderSize & {
      readonly heads: number;
      readonly texts: readonly (readonly number[])[];
      /** A file of the first weights: whoever is asked to `save` writes it, PyTorch reads it. */
      readonly weights: string;
      readonly save: boolean;
      readonly threads: number;
    };
    readonly answer: { readonly version: string };
  };
  readonly step: { readonly ask: object; readonly answer: Spent & { readonly loss: number } };
  readonly sample: {
    readonly ask: {
      readonly prompts: readonly (readonly number[])[];
      readonly drawn: number;
      readonly cached: boolean;
      readonly eos: number;
    };
    readonly answer: Spent;
  };
  /** The most memory that was resident so far. */
  readonly peak: { readonly ask: object; readonly answer: { readonly mebibytes: number } };
}

type Answers = {
  readonly [K in keyof Commands]: (
    ask: Commands[K]['ask'],
  ) => Commands[K]['answer'] | Promise<Commands[K]['answer']>;
};

let trainer: Trainer | undefined;

const answers: Answers = {
  async open({ texts, weights, save, ...size }) {
    trainer = new Trainer(
      size,
      texts.map((text) => Int32Array.from(text)),
    );
    if (save) await writeSafetensors(weights, trainer.weights);
    return { version };
  },
  step: () => timed(() => ({ loss: opened().step() })),
  sample({ prompts, drawn, cached, eos }) {
    const texts = prompts.map((prompt) => Int32Array.from(prompt));
    return timed(() => {
      if (cached) sampleCached(texts, drawn, eos);
      else sampleAnew(texts, drawn, eos);
      return {};
    });
  },
  peak: () => ({ mebibytes: peakMebibytes() }),
};

function timed<T>(work: () => T): T & Spent {
  const [start, before] = [performance.now(), process.cpuUsage()];
  const found = work();
  const { user, system } = process.cpuUsage(before);
  return { ...found, ms: performance.now() - start, cpu: (user + system) / 1000 };
}

function opened(): Trainer {
  if (!trainer) throw new Error('nothing is open');
  return trainer;
}

const streamOf = (row: number): Random => new Random(row, 'bench/sampling');

/** No text ends before its time: an end cannot be drawn. */
function sampleCached(prompts: readonly Tokens[], drawn: number, eos: number): void {
  const { config, weights } = opened();
  const model = languageModel(config, weights, { masked: Int32Array.of(eos) }, { keepWeights: true });
  sample(model, { prompts, samples: 1, maxTokens: drawn, eos, random: streamOf });
  model.dispose();
}

/** The whole text through the model for each token. */
function sampleAnew(prompts: readonly Tokens[], drawn: number, eos: number): void {
  const { config, weights } = opened();
  const streams = prompts.map((_, row) => streamOf(row));
  let texts = prompts;
  for (let i = 0; i < drawn; i++) {
    const forest = chains(texts);
    const rows = Int32Array.from(forest.trees, ({ end }) => end - 1);
    const table = tf.tidy(() => {
      const hidden = hiddenStates(config, weights, forest, { training: false, rows });
      return logSoftmax(outputLogits(config, weights, hidden), Int32Array.of(eos)).dataSync<'float32'>();
    });
    texts = texts.map((text, row) => {
      const logProbs = table.subarray(row * config.vocab_size, (row + 1) * config.vocab_size);
      return Int32Array.of(...text, drawPlain(logProbs, streams[row]?.uniform() ?? 0).token);
    });
  }
}

async function answer({ do: name, ...ask }: { do: keyof Commands }): Promise<unknown> {
  return await (answers[name] as (ask: unknown) => unknown)(ask);
}

const [engine, variant] = process.argv.slice(2);
const info = await startEngine(engine as EngineName);
const version = `TensorFlow.js ${info.version}${info.device === undefined ? '' : `, ${info.device}`}`;
if (variant === 'shipped') {
  allowFusedKernels(false);
  restoreShippedMatMul();
}
for await (const line of createInterface({ input: process.stdin }))
  console.log(JSON.stringify(await answer(JSON.parse(line) as { do: keyof Commands })));
