import { describe, expect, it } from 'vitest';
import { startEngine } from '../../stages/backend/engine.js';
import { tf } from '../../stages/backend/tf.js';

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
});
