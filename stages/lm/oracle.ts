/** Checks a model against what another library computed from the same files. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StageFailure } from '../../runner/contract.js';
import type { EngineName } from '../backend/engine-info.js';
import { startEngine } from '../backend/engine.js';
import { logSoftmax } from '../backend/ops/distribution.js';
import { pick } from '../backend/ops/rows.js';
import { tf } from '../backend/tf.js';
import { architectureOf, parseConfig, type ModelConfig } from './config.js';
import { forward } from './decoder.js';
import { globalNorm, valueAndGradients } from './gradients.js';
import { languageModel } from './language-model.js';
import { greedy } from './sampling.js';
import { packGroups, scorePacked } from './scoring.js';
import { endsOf } from './tokenizer-files.js';
import type { NamedTensors, TokenBatch, Tokens } from './types.js';
import { readWeights, takeParameters } from './weights-files.js';
import { disposeTensors, parameter } from './weights.js';

type Rows = readonly (readonly number[])[];

/** expected.json beside config.json and the weights. */
interface Expected {
  readonly input_ids: Rows;
  /** Of an encoder-decoder: which inputs count, what its decoder reads, and what it should say. */
  readonly attention_mask?: Rows;
  readonly decoder_input_ids?: Rows;
  readonly labels?: Rows;
  /** Tokens that follow each input when the likeliest is taken every time. */
  readonly greedy: Rows;
  readonly logits: readonly Rows[];
  /** Mean cross-entropy, and the L2 norm of its gradient with respect to each parameter. */
  readonly loss: number;
  readonly gradient_l2: Readonly<Record<string, number>>;
}

export interface OracleGroup {
  readonly group: 'logits' | 'greedy' | 'loss' | 'gradient_l2';
  /** Largest error: absolute for logits and loss, relative for gradients, number of wrong tokens for greedy. */
  readonly error: number;
  readonly tolerance: number;
}

interface Case {
  readonly config: ModelConfig;
  readonly weights: NamedTensors;
  readonly expected: Expected;
  /** What is read: by the decoder, or by the encoder where `decoded` is what the decoder reads. */
  readonly ids: TokenBatch;
  readonly decoded: TokenBatch | undefined;
}

/** Largest error of each group of a folder with config.json, weights and expected.json. */
export async function checkHuggingFaceModel(
  folder: string,
  engine: EngineName = 'wasm',
): Promise<readonly OracleGroup[]> {
  await startEngine(engine);
  const find = (name: string): string | undefined =>
    existsSync(join(folder, name)) ? join(folder, name) : undefined;
  const written = parseConfig(
    await readFile(join(folder, 'config.json'), 'utf8'),
    join(folder, 'config.json'),
  );
  const expected = await readExpected(join(folder, 'expected.json'));
  const { weights: tensors, path } = await readWeights(find);
  const { config, weights } = takeParameters(written, tensors, path);
  const at: Case = {
    ...{ config, weights, expected },
    ids: expected.input_ids.map((row, b) => counted(row, expected.attention_mask?.[b])),
    decoded: expected.decoder_input_ids?.map((row) => Int32Array.from(row)),
  };
  const groups: OracleGroup[] = [
    { group: 'logits', error: logitsError(at), tolerance: 1e-4 },
    { group: 'greedy', error: wrongTokens(at), tolerance: 0 },
    ...lossErrors(at),
  ];
  disposeTensors(weights);
  return groups;
}

async function readExpected(path: string): Promise<Expected> {
  const expected = JSON.parse(await readFile(path, 'utf8')) as Partial<Expected>;
  for (const field of ['input_ids', 'greedy', 'logits', 'loss', 'gradient_l2'] as const) {
    if (expected[field] === undefined)
      throw new StageFailure('user', 'oracle', `${path} has no field ${field}`);
  }
  return expected as Expected;
}

/** The tokens that count. Those left out may stand on either end, where relative positions do not see them. */
function counted(row: readonly number[], mask: readonly number[] | undefined): Tokens {
  return Int32Array.from(row.filter((_, i) => mask?.[i] !== 0));
}

function logitsOf({ config, ids, decoded }: Case, weights: NamedTensors): ReturnType<typeof forward> {
  const input = decoded ? { ids: decoded, sources: ids } : { ids };
  return forward(config, weights, input, { training: false });
}

/** Beyond the end of a row nothing is compared. */
function logitsError(at: Case): number {
  const logits = logitsOf(at, at.weights);
  const [, length] = logits.shape;
  const values = logits.dataSync<'float32'>();
  logits.dispose();
  const rows = at.decoded ?? at.ids;
  const errors = at.expected.logits.flatMap((row, b) =>
    row
      .slice(0, rows[b]?.length)
      .flatMap((cell, t) =>
        cell.map((value, v) => value - (values[(b * length + t) * cell.length + v] ?? NaN)),
      ),
  );
  return largest(errors);
}

function wrongTokens({ config, weights, ids, expected }: Case): number {
  const { start } = architectureOf(config);
  const model = languageModel(config, weights, { masked: new Int32Array() }, { keepWeights: true });
  // Generation of an encoder-decoder says the starting token too.
  const wanted = expected.greedy.map((row) => (start === undefined ? row : row.slice(1)));
  const longest = Math.max(...wanted.map((row) => row.length));
  const found = greedy(model, ids, longest, -1);
  model.dispose();
  const ends = endsOf(config);
  return wanted.flatMap((row, b) => {
    const end = row.findIndex((token) => ends.includes(token));
    // After its end a row may go on, or be filled up: neither is a continuation.
    const said = end < 0 ? row : row.slice(0, end + 1);
    return said.filter((token, t) => found[b]?.[t] !== token);
  }).length;
}

function lossErrors(at: Case): OracleGroup[] {
  const { expected, weights } = at;
  const loss = at.decoded ? labelledLoss(at) : nextTokenLoss(at);
  const { value, gradients } = valueAndGradients((leaves) => loss(leaves), weights);
  const norms = Object.entries(expected.gradient_l2).map(
    ([name, norm]) => globalNorm({ [name]: parameter(gradients, name) }) / norm - 1,
  );
  const found = value.dataSync()[0] ?? NaN;
  value.dispose();
  disposeTensors(gradients);
  return [
    { group: 'loss', error: largest([found - expected.loss]), tolerance: 1e-4 },
    { group: 'gradient_l2', error: largest(norms), tolerance: 1e-4 },
  ];
}

type Loss = (weights: NamedTensors) => ReturnType<typeof valueAndGradients>['value'];

function nextTokenLoss({ config, ids }: Case): Loss {
  const packed = packGroups(ids.map((row) => ({ prompt: row.subarray(0, 1), responses: [row.subarray(1)] })));
  return (leaves) =>
    scorePacked(config, leaves, packed, { training: false }).logProbs.mean().neg().asScalar();
}

/** Of the given labels at the places of the decoder's inputs; a negative label is none. */
function labelledLoss(at: Case): Loss {
  const { labels = [] } = at.expected;
  const longest = Math.max(...(at.decoded ?? []).map((row) => row.length));
  const cells = labels.flatMap((row, b) =>
    row.flatMap((label, t) => (label < 0 ? [] : [{ place: b * longest + t, label }])),
  );
  const places = Int32Array.from(cells, ({ place }) => place);
  const tokens = Int32Array.from(cells, ({ label }) => label);
  return (leaves) =>
    tf.tidy(() => {
      const logits = logitsOf(at, leaves);
      const rows = logits.reshape([-1, at.config.vocab_size]) as Parameters<typeof logSoftmax>[0];
      return pick(logSoftmax(rows), places, tokens).mean().neg().asScalar();
    });
}

/** Largest absolute value; NaN counts as infinite, so that nothing passes by being no number. */
function largest(errors: readonly number[]): number {
  return errors.reduce((most, error) => Math.max(most, Number.isNaN(error) ? Infinity : Math.abs(error)), 0);
}
