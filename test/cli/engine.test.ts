import { expect, it } from 'vitest';
import { engineHost } from '../../cli/engine.js';
import { StageFailure } from '../../runner/contract.js';

it('an engine that moft does not have is the fault of the environment, never another engine', async () => {
  const failure = await engineHost.start('cuda').catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(StageFailure);
  expect((failure as StageFailure).failure).toEqual({
    class: 'environment',
    code: 'engine',
    message: 'there is no engine "cuda"; the engines are wasm, tensorflow, webgpu, cpu',
  });
  expect(engineHost.memory()).toBeUndefined();
});
