/** Checks a decoder against what another library computed from the same files. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StageFailure } from '../../runner/contract.js';
import { startEngine } from '../backend/engine.js';
import { parseConfig } from './config.js';
import { forward } from './decoder.js';
import { globalNorm, valueAndGradients } from './gradients.js';
import { languageModel } from './language-model.js';
import { checkShapes } from './model-folder.js';
import { readSafetensors } from './safetensors.js';
import { greedy } from './sampling.js';
import { packGroups, scorePacked } from './scoring.js';
import type { DecoderConfig, NamedTensors, TokenBatch } from './types.js';
import { disposeTensors, parameter } from './weights.js';

/** expected.json beside config.json and model.safetensors. */
interface Expected {
  readonly input_ids: readonly (readonly number[])[];
  /** Tokens that follow each input when the likeliest is taken every time. */
  readonly greedy: readonly (readonly number[])[];
  readonly logits: readonly (readonly (readonly number[])[])[];
  /** Mean next-token cross-entropy, and the L2 norm of its gradient with respect to each parameter. */
  readonly loss: number;
  readonly gradient_l2: Readonly<Record<string, number>>;
}

export interface OracleGroup {
  readonly group: 'logits' | 'greedy' | 'loss' | 'gradient_l2';
  /** Largest error: absolute for logits and loss, relative for gradients, number of wrong tokens for greedy. */
  readonly error: number;
  readonly tolerance: number;
}

/** Largest error of each group of a folder with config.json, model.safetensors and expected.json. */
export async function checkHuggingFaceModel(folder: string): Promise<readonly OracleGroup[]> {
  await startEngine('wasm');
  const config = parseConfig(
    await readFile(join(folder, 'config.json'), 'utf8'),
    join(folder, 'config.json'),
  );
  const expected = await readExpected(join(folder, 'expected.json'));
  const weights = await readSafetensors(join(folder, 'model.safetensors'));
  checkShapes(config, weights, join(folder, 'model.safetensors'));
  const ids = expected.input_ids.map((row) => Int32Array.from(row));
  const groups: OracleGroup[] = [
    { group: 'logits', error: logitsError(config, weights, ids, expected), tolerance: 1e-4 },
    { group: 'greedy', error: wrongTokens(config, weights, ids, expected), tolerance: 0 },
    ...lossErrors(config, weights, ids, expected),
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

function logitsError(
  config: DecoderConfig,
  weights: NamedTensors,
  ids: TokenBatch,
  expected: Expected,
): number {
  const logits = forward(config, weights, { ids }, { training: false });
  const values = logits.dataSync<'float32'>();
  logits.dispose();
  return largest(expected.logits.flat(2).map((value, i) => value - (values[i] ?? NaN)));
}

function wrongTokens(
  config: DecoderConfig,
  weights: NamedTensors,
  ids: TokenBatch,
  expected: Expected,
): number {
  const model = languageModel(config, weights, { masked: new Int32Array() }, { keepWeights: true });
  const longest = Math.max(...expected.greedy.map((row) => row.length));
  const found = greedy(model, ids, longest, -1);
  model.dispose();
  return expected.greedy.flatMap((row, b) => row.filter((token, t) => found[b]?.[t] !== token)).length;
}

function lossErrors(
  config: DecoderConfig,
  weights: NamedTensors,
  ids: TokenBatch,
  expected: Expected,
): OracleGroup[] {
  const packed = packGroups(ids.map((row) => ({ prompt: row.subarray(0, 1), responses: [row.subarray(1)] })));
  const { value, gradients } = valueAndGradients(
    (leaves) => scorePacked(config, leaves, packed, { training: false }).logProbs.mean().neg().asScalar(),
    weights,
  );
  const norms = Object.entries(expected.gradient_l2).map(
    ([name, norm]) => globalNorm({ [name]: parameter(gradients, name) }) / norm - 1,
  );
  const loss = value.dataSync()[0] ?? NaN;
  value.dispose();
  disposeTensors(gradients);
  return [
    { group: 'loss', error: largest([loss - expected.loss]), tolerance: 1e-4 },
    { group: 'gradient_l2', error: largest(norms), tolerance: 1e-4 },
  ];
}

/** Largest absolute value; NaN counts as infinite, so that nothing passes by being no number. */
function largest(errors: readonly number[]): number {
  return errors.reduce((most, error) => Math.max(most, Number.isNaN(error) ? Infinity : Math.abs(error)), 0);
}
