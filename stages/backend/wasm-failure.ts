/** Memory that the wasm engine asks for and does not get, which TensorFlow.js takes for memory at address 0. */
import { StageFailure } from '../../runner/contract.js';

/**
 * More than there can be: 32 bits of address, of which program and stack have some. Asked for what wraps around, the
 * allocator may answer with memory that is in use.
 */
const mostBytes = 2 ** 32 - 2 ** 20;

interface Allocator {
  _malloc(bytes: number): number;
  _free(pointer: number): void;
}

const watched = new WeakSet<Allocator>();

/** Makes every allocation that fails a StageFailure, those of TensorFlow.js's own kernels too. */
export function failWithoutMemory(wasm: Allocator): void {
  if (watched.has(wasm)) return;
  watched.add(wasm);
  // The first call of this function puts another in its place.
  wasm._free(wasm._malloc(8));
  const allocate = wasm._malloc.bind(wasm);
  wasm._malloc = (bytes) => {
    const pointer = bytes > mostBytes ? 0 : allocate(bytes);
    if (pointer === 0 && bytes > 0) throw outOfMemory(`the ${(bytes / 2 ** 20).toFixed(1)} MiB of a tensor`);
    return pointer;
  };
}

/** Of a product that was not computed. */
let warning: string | undefined;

/**
 * Starts the engine so that its warnings are heard: XNNPACK copies what it multiplies by, and where it has no memory
 * for that, it says so on the console and leaves the product as it is.
 */
export async function hearWarnings<T>(start: () => Promise<T>): Promise<T> {
  const { warn } = console;
  // The engine keeps the function that is there when it starts.
  console.warn = (...said: unknown[]) => {
    if (String(said[0]).startsWith('XNN status')) warning = String(said[0]);
    else warn.apply(console, said);
  };
  try {
    return await start();
  } finally {
    console.warn = warn;
  }
}

/** Fails where the engine warned since it was last asked. */
export function checkWarnings(): void {
  if (warning === undefined) return;
  const text = warning;
  warning = undefined;
  if (/status 6\b/.test(text)) throw outOfMemory('a matrix that it multiplies by');
  throw new Error(`internal error: the wasm engine says: ${text}; please report it`);
}

function outOfMemory(what: string): StageFailure {
  const remedy =
    'Train with a smaller micro_batch or batch, ask fewer prompts, samples or tokens at once (prompt_limit, samples, ' +
    'max_tokens), take a smaller model, or another engine (moft backend list)';
  return new StageFailure(
    'resource',
    'out-of-memory',
    `the wasm engine, which has 4 GiB of memory at most, has none left for ${what}. ${remedy}`,
  );
}
