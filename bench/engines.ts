/**
 * Training step and sampling of one decoder on each engine of this machine, in one run: `node dist/bench/engines.js
 * [engine ...]`. About 3,000 tokens, a vocabulary of 512, widths 64 to 256 with 2 layers and 512 with 6. Prints a table
 * and appends a line to bench/history.jsonl. Compare ratios, which hold across machines, before milliseconds.
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { isEngineName, type EngineInfo, type EngineName } from '../stages/backend/engine-info.js';
import { startEngine } from '../stages/backend/engine.js';
import { listEngines } from '../stages/backend/manage/inventory.js';
import { medianOf, Trainer } from '../stages/lm/conformance/speed.js';
import { languageModel, sample } from '../stages/lm/index.js';
import { Random } from '../stages/random.js';

/** `rounds`: the median of so many, after one that warms up; the largest takes wasm half a minute a step. */
const sizes = [
  { width: 64, layers: 2, rounds: 5 },
  { width: 128, layers: 2, rounds: 5 },
  { width: 256, layers: 2, rounds: 3 },
  { width: 512, layers: 6, rounds: 1 },
];
const shape = { vocabulary: 512, texts: 48, length: 64 };
const prompts = 64;
const drawn = 32;
const now = (): number => performance.now();

interface Measured {
  readonly width: number;
  readonly layers: number;
  /** Milliseconds a training step. */
  readonly step: number;
  /** Tokens a second, 64 prompts at once. */
  readonly sampled: number;
}

interface Report {
  readonly info: EngineInfo;
  readonly sizes: readonly Measured[];
}

function measure({ width, layers, rounds }: (typeof sizes)[number]): Measured {
  const trainer = new Trainer({ width, layers, ...shape });
  const step = medianOf(rounds, now, () => trainer.step());
  const { config, weights } = trainer;
  // No text ends before its time: an end of text cannot be drawn.
  const model = languageModel(
    config,
    weights,
    { masked: Int32Array.from([config.eos_token_id]) },
    { keepWeights: true },
  );
  const texts = Array.from({ length: prompts }, (_, i) =>
    Int32Array.from({ length: 16 }, (__, t) => 3 + ((i * 31 + t * 7) % 500)),
  );
  const random = (row: number): Random => new Random(row, 'bench/sampling');
  const ms = medianOf(rounds, now, () => {
    sample(model, { prompts: texts, samples: 1, maxTokens: drawn, eos: config.eos_token_id, random });
  });
  model.dispose();
  trainer.dispose();
  const measured = {
    width,
    layers,
    step: Number(step.toFixed(2)),
    sampled: Math.round((prompts * drawn) / (ms / 1000)),
  };
  console.error(JSON.stringify(measured));
  return measured;
}

/** One engine, in a process of its own; its report is the last line. */
function report(engine: EngineName): Report | undefined {
  const self = process.argv[1] ?? '';
  const ran = spawnSync(process.execPath, [self, '--inside', engine], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const line = ran.stdout.trim().split('\n').at(-1) ?? '';
  if (line.startsWith('{')) return JSON.parse(line) as Report;
  return undefined;
}

const names = process.argv.slice(2);
if (names[0] === '--inside') {
  const info = await startEngine(names[1] as EngineName);
  console.log(JSON.stringify({ info, sizes: sizes.map(measure) } satisfies Report));
} else {
  const engines = names.length > 0 ? names.filter(isEngineName) : present();
  const reports = engines.flatMap((engine) => report(engine) ?? []);
  for (const { info, sizes: rows } of reports) {
    const wasm = reports.find((other) => other.info.backend === 'wasm')?.sizes;
    console.log(`${info.backend} ${info.version} ${info.device ?? ''}`);
    console.table(rows.map((row, i) => ({ ...row, ...ratios(row, wasm?.[i]) })));
  }
  const [cpu] = cpus();
  const machine = { cpu: cpu?.model ?? '', cores: cpus().length, node: process.versions.node };
  const line = { v: 1, bench: 'engines', time: new Date().toISOString(), ...machine, ...shape, reports };
  appendFileSync(join(import.meta.dirname, '../../bench/history.jsonl'), `${JSON.stringify(line)}\n`);
}

/** All but the last resort, which takes seconds a step. */
function present(): EngineName[] {
  return listEngines().flatMap(({ engine, present: there }) => (there && engine !== 'cpu' ? [engine] : []));
}

/** Times as fast as wasm. */
function ratios(row: Measured, wasm: Measured | undefined): Record<string, number> {
  if (!wasm) return {};
  return {
    'step ratio': Number((wasm.step / row.step).toFixed(2)),
    'sampling ratio': Number((row.sampled / wasm.sampled).toFixed(2)),
  };
}
