/**
 * Reads a file in order through SHA-256 and, where there is one, into another file. Large ones are read by threads, so
 * that whoever waits for other cells need not wait for them, and several are hashed at once.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Sink } from './disk.js';

/** A promise a chunk costs more than a chunk that leaves the processor's cache between reading, hashing and writing. */
const chunkBytes = 1 << 20;
const chunkBytesThere = 1 << 18;
/** Up to so many, a file is read at once. */
export const smallBytes = 1 << 18;
/** To hash fewer takes less time than to start a thread. */
export const threadBytes = 32 << 20;
/** A disk has no more to give to more of them. */
const mostThreads = Math.min(4, availableParallelism());

export interface Pumping {
  readonly sink?: Sink;
  /** As far as is known: who pumps more than a thread is worth is given one. */
  readonly size: number;
  /** Stops behind so many bytes: a file that grows as fast as it is read has no end. */
  readonly limit?: number;
}
export interface Pumped {
  readonly digest: string;
  readonly bytes: number;
}

export interface Pump {
  /** From where the descriptor of a source stands to its end. */
  run(source: number, pumping: Pumping): Promise<Pumped>;
  close(): Promise<void>;
}

async function pumpHere(source: number, { sink, size, limit = Infinity }: Pumping): Promise<Pumped> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, limit + 1));
  let bytes = 0;
  while (bytes <= limit) {
    // To be handed to another thread and back costs more than to read a small file.
    const read = size <= smallBytes ? fs.readSync(source, buffer) : await readInto(source, buffer);
    if (read === 0) break;
    const chunk = buffer.subarray(0, read);
    hash.update(chunk);
    sink?.write(chunk);
    bytes += read;
  }
  return { digest: hash.digest('hex'), bytes };
}

function readInto(descriptor: number, buffer: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.read(descriptor, buffer, (error, bytes) => (error ? reject(error) : resolve(bytes)));
  });
}

/** The same in a thread. Plain CommonJS, given as text: it needs no compiled file of its own. */
const pumpThere = `
const { parentPort } = require('node:worker_threads');
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const buffer = Buffer.allocUnsafe(${chunkBytesThere});
const writeAll = (sink, size) => {
  for (let done = 0; done < size;) done += fs.writeSync(sink, buffer, done, size - done);
};
const pump = ({ source, sink, limit }) => {
  const hash = createHash('sha256');
  let bytes = 0;
  while (bytes <= limit) {
    const size = fs.readSync(source, buffer, 0, buffer.length, null);
    if (size === 0) break;
    hash.update(buffer.subarray(0, size));
    if (sink !== undefined) writeAll(sink, size);
    bytes += size;
  }
  return { digest: hash.digest('hex'), bytes };
};
parentPort.on('message', (order) => {
  try {
    parentPort.postMessage({ pumped: pump(order) });
  } catch ({ message, code, errno, syscall }) {
    parentPort.postMessage({ message, details: { code, errno, syscall } });
  }
});
`;

type Answer =
  | { readonly pumped: Pumped }
  | { readonly pumped?: undefined; readonly message: string; readonly details: NodeJS.ErrnoException };

interface Order {
  readonly source: number;
  readonly sink?: number;
  readonly limit: number;
  readonly settle: (answer: Answer | Error) => void;
}

/** Takes one order at a time; while it waits for the next it keeps no process alive. */
class Thread {
  readonly #worker: Worker;
  #order: Order | undefined;

  constructor(onIdle: (thread: Thread) => void, onGone: (thread: Thread) => void) {
    this.#worker = new Worker(pumpThere, { eval: true, execArgv: [], stdout: false, stderr: false });
    this.#worker.unref();
    const settle = (answer: Answer | Error): void => {
      const order = this.#order;
      this.#order = undefined;
      this.#worker.unref();
      order?.settle(answer);
    };
    this.#worker.on('message', (answer: Answer) => {
      settle(answer);
      onIdle(this);
    });
    this.#worker.on('error', (error) => {
      onGone(this);
      settle(error);
    });
  }

  take(order: Order): void {
    this.#order = order;
    this.#worker.ref();
    const { source, sink, limit } = order;
    this.#worker.postMessage({ source, sink, limit });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}

export function createPump(): Pump {
  const threads = new Set<Thread>();
  const idle: Thread[] = [];
  const waiting: Order[] = [];
  const next = (): void => {
    if (waiting.length === 0) return;
    const thread = idle.pop() ?? (threads.size < mostThreads ? start() : undefined);
    const order = thread && waiting.shift();
    if (order) thread.take(order);
  };
  const start = (): Thread => {
    const thread = new Thread(
      (free) => {
        idle.push(free);
        next();
      },
      (gone) => {
        threads.delete(gone);
        next();
      },
    );
    threads.add(thread);
    return thread;
  };
  const pumpInThread = async (source: number, { sink, limit = Infinity }: Pumping): Promise<Pumped> => {
    const to = sink?.handOver();
    const answer = await new Promise<Answer | Error>((settle) => {
      waiting.push({ source, limit, settle, ...(to === undefined ? {} : { sink: to }) });
      next();
    });
    if (answer instanceof Error) throw answer;
    if (answer.pumped) return answer.pumped;
    throw Object.assign(new Error(answer.message), answer.details);
  };
  return {
    run: (source, pumping) =>
      pumping.size < threadBytes ? pumpHere(source, pumping) : pumpInThread(source, pumping),
    close: async () => {
      await Promise.all([...threads].map((thread) => thread.end()));
      threads.clear();
      idle.length = 0;
    },
  };
}
