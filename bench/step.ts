/**
 * Milliseconds (of processor time) a training step, on wasm as TensorFlow.js ships it and on ours, by turns in one run:
 * `node dist/bench/step.js [width] [layers]`. Prints a table and appends a line to bench/history.jsonl.
 * Compare ratios, which hold across machines, before milliseconds, which do not.
 */
import { conditioningNames, type ConditioningName } from '../schemas/conditionings.js';
import { startEngine } from '../stages/backend/engine.js';
import { allowFusedKernels } from '../stages/backend/fused.js';
import { registerWasmMatMul, restoreShippedMatMul } from '../stages/backend/wasm-matmul.js';
import type { Model } from '../stages/lm/index.js';
import { middle, remember } from './measure.js';
import { asked } from './options.js';
import { clp, reference, sft, type Size, type Steering, type Steps } from './workload.js';

type Variant = 'ours' | 'shipped';

/** Our steps to each shipped one, and turns. */
const often = 4;
const turns = 5;

interface Measured {
  readonly name: string;
  /** Medians, in milliseconds. */
  readonly ours: number;
  readonly shipped: number;
}

async function measure(name: string, begin: () => Steps | Promise<Steps>): Promise<Measured> {
  const times: Record<Variant, number[]> = { ours: [], shipped: [] };
  const steps: Record<Variant, Steps> = { ours: await begin(), shipped: await begin() };
  // The first of each warms up: code is compiled, memory grows.
  await timed('ours', steps.ours);
  await timed('shipped', steps.shipped);
  for (let turn = 0; turn < turns; turn++) {
    for (let i = 0; i < often; i++) times.ours.push(await timed('ours', steps.ours));
    times.shipped.push(await timed('shipped', steps.shipped));
  }
  return { name, ours: middle(times.ours), shipped: middle(times.shipped) };
}

/** One step on one of the two engines. */
async function timed(variant: Variant, steps: Steps): Promise<number> {
  allowFusedKernels(variant === 'ours');
  if (variant === 'ours') registerWasmMatMul();
  else restoreShippedMatMul();
  const start = process.cpuUsage();
  await steps.next();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

/** Four trade-offs a step. */
const of = (conditioning: ConditioningName | 'none'): Steering => ({
  conditioning,
  objectives: ['nli', 'rouge'],
  tradeOffs: 4,
});

async function measureAll(model: Model): Promise<Measured[]> {
  const results = [
    await measure('sft', () => sft(model)),
    await measure('soft', () => clp(model, of('none'))),
  ];
  for (const name of conditioningNames)
    results.push(await measure(`clp ${name}`, () => clp(model, of(name))));
  return results;
}

const { numbers } = asked({ usage: 'node dist/bench/step.js [width] [layers]', most: 2 });
const [width = 48, layers = 1] = numbers;
const size: Size = { width, layers };
const { version } = await startEngine('wasm');
const results = await measureAll(await reference(size, 150));
const table = results.map(({ name, ours, shipped }) => ({
  step: name,
  ours: Number(ours.toFixed(1)),
  shipped: Number(shipped.toFixed(1)),
  ratio: Number((shipped / ours).toFixed(2)),
}));
console.log(
  `ms a step, ${width} wide, ${layers} layer(s), TensorFlow.js ${version}, Node ${process.versions.node}`,
);
console.table(table);
remember('step', { version, ...size, steps: table });
