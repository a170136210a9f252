import { describe, expect, it } from 'vitest';
import { startEngine } from '../../stages/backend/engine.js';
import { tf } from '../../stages/backend/tf.js';
import { openWasmMemory, type WasmBackend } from '../../stages/backend/wasm-memory.js';

describe('the engine', () => {
  it('without a name is one that computes', async () => {
    const info = await startEngine();
    expect(tf.getBackend()).toBe(info.backend);
    expect(tf.matMul([[2]], [[3]]).dataSync()[0]).toBe(6);
    expect(info.version).toContain(tf.version_core);
  });

  it('runs on as it is when asked again', async () => {
    const first = await startEngine('wasm');
    expect(await startEngine()).toBe(first);
    expect(await startEngine('wasm')).toBe(first);
  });

  it.each(['tensorflow', 'webgpu'] as const)(
    'by the name %s runs it or fails as the environment',
    async (name) => {
      const outcome = await startEngine(name).then(
        (info) => info.backend,
        (error: unknown) => error,
      );
      if (outcome === name) return;
      expect(outcome).toMatchObject({ failure: { class: 'environment', code: 'engine' } });
    },
  );

  it('needs no Math.random', async () => {
    await startEngine('wasm');
    const random = Math.random;
    Math.random = () => {
      throw new Error('Math.random is forbidden');
    };
    try {
      expect(tf.matMul([[1, 2]], [[3], [4]]).dataSync()[0]).toBe(11);
    } finally {
      Math.random = random;
    }
  });

  describe('without memory on wasm', () => {
    const failed = { class: 'resource', code: 'out-of-memory' };
    const failureOf = (ask: () => unknown): unknown => {
      try {
        tf.tidy(() => void ask());
        return undefined;
      } catch (error) {
        return error;
      }
    };
    /** 4 GiB less 64 KiB are all that there is; none of these takes it. */
    const nearly = 2 ** 30 - 2 ** 14;

    it.each<readonly [string, () => unknown]>([
      ['a kernel of TensorFlow.js', () => tf.ones([2]).tile([nearly / 2])],
      ['one whose size in bytes wraps around to 16', () => tf.ones([2]).tile([2 ** 29 + 2])],
      ['an output of ours', () => openWasmMemory(tf.backend()).output([nearly])],
      ['scratch of ours', () => openWasmMemory(tf.backend()).scratch(nearly)],
    ])('fails as out of memory instead of writing from address 0: %s', async (_, ask) => {
      await startEngine('wasm');
      const kept = tf.tensor1d([1, 2, 3, 4]);
      const before = tf.memory().numTensors;
      expect(failureOf(ask)).toMatchObject({ failure: failed });
      expect(tf.memory().numTensors).toBe(before);
      expect([...kept.dataSync()]).toEqual([1, 2, 3, 4]);
      // Memory that there is, our scratch too, is handed out as ever.
      expect(product(64, 32, 8)).toBe(32 * 8 * 64);
      kept.dispose();
    });

    it('fails where a product has no memory for its copy of a matrix, which is said on the console alone', async () => {
      await startEngine('wasm');
      const [row, matrix] = [tf.ones([1, 512]), tf.ones([512, 512])];
      const taken = takeAll();
      expect(failureOf(() => tf.matMul(row, matrix))).toMatchObject({ failure: failed });
      for (const pointer of taken) engine().wasm._free(pointer);
      expect(tf.matMul(row, matrix).dataSync()[511]).toBe(512);
    });
  });
});

const engine = (): WasmBackend => tf.backend() as unknown as WasmBackend;

/** All memory but some kilobytes, none of it touched. */
function takeAll(): number[] {
  const taken: number[] = [];
  for (let size = 2 ** 30; size >= 2 ** 16; size /= 4) {
    try {
      for (;;) taken.push(engine().wasm._malloc(size));
    } catch {
      continue;
    }
  }
  return taken;
}

/** The sum of ones (k, m) transposed times ones (k, n). */
function product(k: number, m: number, n: number): number {
  return tf.tidy(
    () =>
      tf
        .matMul(tf.ones([k, m]), tf.ones([k, n]), true)
        .sum()
        .dataSync()[0] ?? NaN,
  );
}
