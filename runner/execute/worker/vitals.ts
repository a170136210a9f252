/**
 * What the machine and the worker were at while a cell ran: processor, memory, graphics cards. Sampled by the thread
 * that holds stdin, so that a training loop neither waits for it nor holds it up, into `vitals.jsonl` beside the
 * events; nothing that counts is in it. Names are those under which MLflow shows system metrics.
 */
import { execFile } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';

export const vitalsFile = 'vitals.jsonl';

/** A line of the file: figures at a time (ms since 1970), the n-th of the attempt. */
export interface VitalsLine {
  readonly time: number;
  readonly step: number;
  readonly figures: Readonly<Record<string, number>>;
}

const begin = 100;
const first = 1_000;
const every = 10_000;
const megabyte = 1e6;

interface Used {
  readonly at: number;
  readonly busy: number;
  readonly total: number;
  readonly own: number;
}

export class Vitals {
  #timer: NodeJS.Timeout | undefined;
  #path = '';
  #step = 0;
  #before: Used | undefined;
  #cards: (() => Promise<Readonly<Record<string, number>>>) | undefined = graphicsCards;

  /** Samples for the attempt in this folder until `stop`. */
  start(folder: string): void {
    this.stop();
    this.#path = join(folder, vitalsFile);
    this.#step = 0;
    // To ask for the processors' times takes longer than many a cell: it is done where a cell lasts.
    this.#timer = setTimeout(() => {
      this.#before = used();
      this.#wait(first - begin);
    }, begin).unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wait(milliseconds: number): void {
    this.#timer = setTimeout(() => {
      void this.sample().then(() => {
        if (this.#timer !== undefined) this.#wait(every);
      });
    }, milliseconds);
    this.#timer.unref();
  }

  /** Writes one line. A disk that is full is the cell's business, not this one's. */
  async sample(): Promise<void> {
    const [path, step, now] = [this.#path, this.#step++, used()];
    const before = this.#before ?? now;
    this.#before = now;
    const cards = await this.#graphics();
    const line: VitalsLine = { time: Date.now(), step, figures: { ...figuresOf(before, now), ...cards } };
    try {
      appendFileSync(path, `${JSON.stringify(line)}\n`);
    } catch {
      // as said above
    }
  }

  /** Asked no more once there are none. */
  async #graphics(): Promise<Readonly<Record<string, number>>> {
    try {
      return (await this.#cards?.()) ?? {};
    } catch {
      this.#cards = undefined;
      return {};
    }
  }
}

function used(): Used {
  const times = os.cpus().map((cpu) => cpu.times);
  const total = times.reduce(
    (sum, { user, nice, sys, idle, irq }) => sum + user + nice + sys + idle + irq,
    0,
  );
  const idle = times.reduce((sum, one) => sum + one.idle, 0);
  const { user, system } = process.cpuUsage();
  return { at: performance.now(), busy: total - idle, total, own: (user + system) / 1000 };
}

function figuresOf(before: Used, now: Used): Readonly<Record<string, number>> {
  const share = (part: number, whole: number): number => (whole > 0 ? rounded((100 * part) / whole) : 0);
  const taken = os.totalmem() - os.freemem();
  return {
    'system/cpu_utilization_percentage': share(now.busy - before.busy, now.total - before.total),
    'system/system_memory_usage_megabytes': rounded(taken / megabyte),
    'system/system_memory_usage_percentage': share(taken, os.totalmem()),
    // Of one processor: a worker with two busy threads has 200.
    'system/worker_cpu_utilization_percentage': share(now.own - before.own, now.at - before.at),
    'system/worker_memory_usage_megabytes': rounded(process.memoryUsage.rss() / megabyte),
  };
}

const rounded = (value: number): number => Math.round(value * 10) / 10;

const query = 'index,utilization.gpu,memory.used,memory.total,power.draw';

/** @throws where there is no card, or no driver that tells */
function graphicsCards(): Promise<Readonly<Record<string, number>>> {
  return new Promise((resolve, reject) => {
    const args = [`--query-gpu=${query}`, '--format=csv,noheader,nounits'];
    execFile('nvidia-smi', args, { timeout: 5_000 }, (error, text) => {
      if (error) reject(new Error(`nvidia-smi: ${error.message}`));
      else resolve(readCards(text));
    });
  });
}

/** `0, 97, 40210, 81559, 512.3` a card; what a card doesn't tell (`[N/A]`) is left out. */
export function readCards(text: string): Readonly<Record<string, number>> {
  const pairs = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .flatMap((line): [string, number][] => {
      const [index = NaN, utilization = NaN, taken = NaN, whole = NaN, power = NaN] = line
        .split(',')
        .map(Number);
      const mebibytes = 1.048576;
      return [
        [`system/gpu_${index}_utilization_percentage`, utilization],
        [`system/gpu_${index}_memory_usage_megabytes`, rounded(taken * mebibytes)],
        [`system/gpu_${index}_memory_usage_percentage`, rounded((100 * taken) / whole)],
        [`system/gpu_${index}_power_usage_watts`, power],
      ];
    });
  return Object.fromEntries(pairs.filter(([, value]) => Number.isFinite(value)));
}
