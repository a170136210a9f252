/**
 * Training step and sampling of one decoder on each engine of this machine, beside TensorFlow.js as it is shipped and
 * PyTorch, by turns in one run: about 3,000 tokens, a vocabulary of 512, widths 64 to 256 with 2 layers and 512 with 6.
 * All begin with the same weights, and their losses have to agree. Prints tables and appends a line to
 * bench/history.jsonl. Compare ratios, which hold across machines, before milliseconds.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { listEngines } from '../stages/backend/manage/inventory.js';
import { Random } from '../stages/random.js';
import type { Commands, Spent } from './contender.js';
import { middle, remember, rounded } from './measure.js';
import { asked } from './options.js';

const names = ['wasm', 'tensorflow', 'webgpu', 'cpu'];
const usage = `node dist/bench/engines.js [--torch PYTHON] [--threads N] [--widths 64,128,256,512] [engine ...]
  --torch   a Python that has PyTorch: measured too, on as many threads
  --threads so many; all without. Of one, the processor time says something on a busy machine, too
  engines   ${names.join(', ')}; all of this machine without, but cpu, which takes seconds a step`;

const layersOf: Readonly<Record<number, number>> = { 64: 2, 128: 2, 256: 2, 512: 6 };
const roundsOf: Readonly<Record<number, number>> = { 64: 9, 128: 9, 256: 7, 512: 5 };
const shape = { vocabulary: 512, length: 64, heads: 4 };
const texts = 48;
const eos = 2;
const prompts = { count: 64, length: 16, drawn: 32 };
/** Relative, between the first losses and those of later steps. */
const agreement = { first: 1e-5, later: 1e-3 };

interface Contender {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** Greatest width at which it steps and samples with and without a cache: beyond, it takes minutes. */
  readonly most: Readonly<Record<Work, number>>;
}

type Work = 'step' | 'cached' | 'anew';
const everything = { step: Infinity, cached: Infinity, anew: Infinity };

function contenders(engines: readonly string[], torch: string | undefined): readonly Contender[] {
  const present = listEngines().filter(({ present: there }) => there);
  const wanted = engines.length > 0 ? engines : names.filter((name) => name !== 'cpu');
  const inside = (engine: string, variant: string): Contender['command'] => [
    process.execPath,
    join(import.meta.dirname, 'contender.js'),
    ...[engine, variant],
  ];
  const found = wanted.flatMap((engine): Contender[] => {
    if (!present.some((one) => one.engine === engine)) {
      console.log(`SKIPPED: the engine ${engine} is not here`);
      return [];
    }
    const own = { name: engine, command: inside(engine, 'ours') };
    if (engine !== 'wasm') return [{ ...own, most: everything }];
    const shipped = { name: 'wasm as shipped', command: inside(engine, 'shipped') };
    return [
      { ...own, most: { ...everything, anew: 256 } },
      { ...shipped, most: { step: 256, cached: 128, anew: 64 } },
    ];
  });
  if (torch === undefined) console.log('SKIPPED: PyTorch, without --torch PYTHON');
  const peer = join(import.meta.dirname, '../../bench/torch-peer.py');
  return [
    ...found,
    ...(torch === undefined ? [] : [{ name: 'pytorch', command: [torch, peer] as const, most: everything }]),
  ];
}

/** A contender that runs, and answers one command after the other. */
class Running {
  readonly #child;
  readonly #lines;

  constructor({ command: [program, ...args] }: Contender, threads: number) {
    const env = { ...process.env, TF_NUM_INTRAOP_THREADS: String(threads), OMP_NUM_THREADS: String(threads) };
    this.#child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], env });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async ask<K extends keyof Commands>(name: K, ask: Commands[K]['ask']): Promise<Commands[K]['answer']> {
    this.#child.stdin.write(`${JSON.stringify({ do: name, ...ask })}\n`);
    const line = await this.#lines.next();
    if (line.done === true) throw new Error(`a contender ended instead of answering ${name}`);
    return JSON.parse(line.value) as Commands[K]['answer'];
  }

  end(): void {
    this.#child.stdin.end();
  }
}

/** What was measured of one contender at one width. */
interface Figures {
  readonly contender: Contender;
  readonly running: Running;
  version: string;
  readonly times: Readonly<Record<Work, Spent[]>>;
  readonly losses: number[];
  mebibytes: number;
}

async function measure(
  width: number,
  all: readonly Contender[],
  threads: number,
): Promise<readonly Figures[]> {
  const taking = all.filter(({ name, most }) => {
    if (width <= most.step) return true;
    console.log(`SKIPPED: ${name} at width ${width} takes minutes a step`);
    return false;
  });
  const folder = mkdtempSync(join(tmpdir(), 'moft-engines-'));
  const figures: Figures[] = [];
  try {
    const layers = layersOf[width] ?? 2;
    const size = { ...shape, width, layers, texts: drawn('texts', texts, shape.length + 1) };
    const weights = join(folder, 'weights.safetensors');
    for (const [i, contender] of taking.entries()) {
      const running = new Running(contender, threads);
      const { version } = await running.ask('open', { ...size, weights, save: i === 0, threads });
      figures.push({
        ...{ contender, running, version, losses: [], mebibytes: 0 },
        times: { step: [], cached: [], anew: [] },
      });
    }
    const rounds = roundsOf[width] ?? 3;
    await byTurns(figures, { work: 'step', width, rounds }, async ({ running, losses }) => {
      const { loss, ...spent } = await running.ask('step', {});
      losses.push(loss);
      return spent;
    });
    for (const each of figures) each.mebibytes = (await each.running.ask('peak', {})).mebibytes;
    const request = { prompts: drawn('prompts', prompts.count, prompts.length), drawn: prompts.drawn, eos };
    for (const work of ['cached', 'anew'] as const)
      await byTurns(figures, { work, width, rounds: work === 'cached' ? rounds : 3 }, ({ running }) =>
        running.ask('sample', { ...request, cached: work === 'cached' }),
      );
    return figures;
  } finally {
    for (const { running } of figures) running.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Turn {
  readonly work: Work;
  readonly width: number;
  readonly rounds: number;
}

/** A round is one of each, so that whatever else the machine does meets all; the first warms up. Slow ones do fewer. */
async function byTurns(
  figures: readonly Figures[],
  { work, width, rounds }: Turn,
  once: (of: Figures) => Promise<Spent>,
): Promise<void> {
  const spent = new Map<Figures, number>();
  const most = 40_000;
  for (let round = 0; round <= rounds; round++)
    for (const each of figures) {
      const before = spent.get(each) ?? 0;
      if (width > each.contender.most[work] || (before > most && each.times[work].length > 0)) continue;
      const took = await once(each);
      spent.set(each, before + took.ms);
      if (round > 0) each.times[work].push(took);
    }
}

function drawn(purpose: string, count: number, length: number): number[][] {
  const random = new Random(0, `bench/engines/${purpose}`);
  return Array.from({ length: count }, () =>
    Array.from({ length }, () => 3 + random.integer(shape.vocabulary - 3)),
  );
}

/** Whoever computes something else is not compared: all losses against those of the first. */
function differingLosses(figures: readonly Figures[]): readonly string[] {
  const [standard] = figures;
  return figures.flatMap(({ contender, losses }) =>
    losses.flatMap((loss, step) => {
      const other = standard?.losses[step] ?? loss;
      const apart = Math.abs(loss - other) / other;
      if (apart <= (step === 0 ? agreement.first : agreement.later)) return [];
      return [
        `${contender.name}: the loss of step ${step + 1} is ${loss}, that of ${standard?.contender.name} ${other}`,
      ];
    }),
  );
}

type Row = Readonly<Record<string, string | number | null>>;

function rows(figures: readonly Figures[]): readonly Row[] {
  const torch = figures.find(({ contender }) => contender.name === 'pytorch');
  const shipped = figures.find(({ contender }) => contender.name === 'wasm as shipped');
  const tokens = prompts.count * prompts.drawn;
  return figures.map((each) => ({
    engine: each.contender.name,
    'step ms': numberOr(timeOf(each, 'step', 'ms'), 1),
    'shipped takes': over(shipped, each, 'step', 'ms'),
    'step x torch': over(each, torch, 'step', 'ms'),
    'step cpu x torch': over(each, torch, 'step', 'cpu'),
    'cached/s': numberOr((1000 * tokens) / timeOf(each, 'cached', 'ms'), 0),
    'cached x torch': over(each, torch, 'cached', 'ms'),
    'cached cpu x torch': over(each, torch, 'cached', 'cpu'),
    'anew/s': numberOr((1000 * tokens) / timeOf(each, 'anew', 'ms'), 0),
    'anew x torch': over(each, torch, 'anew', 'ms'),
    'anew cpu x torch': over(each, torch, 'anew', 'cpu'),
    MiB: Math.round(each.mebibytes),
    'MiB x torch': numberOr(each.mebibytes / (torch?.mebibytes ?? NaN), 2),
  }));
}

function timeOf(of: Figures | undefined, work: Work, kind: keyof Spent): number {
  return middle(of?.times[work].map((spent) => spent[kind]) ?? []);
}

/** How many times the time of another one. */
function over(a: Figures | undefined, b: Figures | undefined, work: Work, kind: keyof Spent): number | null {
  return numberOr(timeOf(a, work, kind) / timeOf(b, work, kind), 2);
}

function numberOr(value: number, digits: number): number | null {
  return Number.isFinite(value) ? rounded(value, digits) : null;
}

const { options, words } = asked({ usage, options: ['torch', 'threads', 'widths'], words: names });
const widths = (options.widths ?? Object.keys(layersOf).join(',')).split(',').map(Number);
const unknown = widths.find((width) => !(width in layersOf));
if (unknown !== undefined)
  throw new Error(`expected widths of ${Object.keys(layersOf).join(', ')}, found ${unknown}`);
const threads = Number(options.threads ?? availableParallelism());
const before = loadavg()[0] ?? 0;
const all = contenders(words, options.torch);
const sizes: Record<string, unknown>[] = [];
const versions: Record<string, string> = {};
for (const width of widths) {
  const figures = await measure(width, all, threads);
  for (const { contender, version } of figures) versions[contender.name] = version;
  const table = rows(figures);
  console.log(
    `width ${width}, ${layersOf[width]} layers, ${texts * shape.length} tokens; load ${loadavg()[0]?.toFixed(1)}`,
  );
  console.table(table);
  const wrong = differingLosses(figures);
  for (const line of wrong) console.error(line);
  if (wrong.length > 0) process.exitCode = 1;
  sizes.push({ width, layers: layersOf[width], rows: table, lossesAgree: wrong.length === 0 });
}
console.table(versions);
remember('engines', {
  cpu: cpus()[0]?.model ?? '',
  threads,
  loadBefore: rounded(before),
  versions,
  ...shape,
  texts,
  sizes,
});
