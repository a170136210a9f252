/** `moft backend list`: every engine with its version, where it came from, and how fast it is beside wasm. */
import type { EngineName } from '../../stages/backend/engine-info.js';
import type { EngineSpeed } from '../../stages/lm/conformance/speed.js';
import type { CliHost } from '../host.js';
import { printJson } from '../load.js';
import { clean, columns } from '../text.js';
import { askEngine } from './ask.js';

interface Listed {
  readonly engine: EngineName;
  readonly state: 'ready' | 'absent' | 'broken';
  readonly default: boolean;
  /** Where it came from; or why it is not there. */
  readonly source: string;
  readonly version?: string;
  readonly device?: string;
  readonly speed?: EngineSpeed & {
    /** How many times as fast as wasm in the same run. */
    readonly productRatio?: number;
    readonly stepRatio?: number;
  };
}

export interface ListOptions {
  readonly json: boolean;
  readonly measure: boolean;
}

export async function printList({ json, measure }: ListOptions, host: CliHost): Promise<void> {
  const { defaultEngine, listEngines } = await import('../../stages/backend/manage/inventory.js');
  const { enginesFolder } = await import('../../stages/backend/places.js');
  const folder = enginesFolder(host.env);
  const listed: Listed[] = [];
  for (const { engine, present, source } of listEngines(folder)) {
    const standard = engine === defaultEngine(folder);
    const wasm = listed.find((other) => other.engine === 'wasm')?.speed;
    listed.push(
      present
        ? await describe({ engine, source, default: standard }, { measure, wasm }, host)
        : { engine, state: 'absent', default: standard, source },
    );
  }
  if (json) printJson(listed, host);
  else for (const line of table(listed, measure)) host.stdout.write(`${clean(line)}\n`);
}

async function describe(
  known: Pick<Listed, 'engine' | 'source' | 'default'>,
  { measure, wasm }: { readonly measure: boolean; readonly wasm: EngineSpeed | undefined },
  host: CliHost,
): Promise<Listed> {
  const asked = await askEngine(known.engine, measure ? 'speed' : 'start', host);
  if (!asked.ok) return { ...known, state: 'broken', source: asked.error };
  const { info, answer } = asked.value;
  const found = { version: info.version, ...(info.device === undefined ? {} : { device: info.device }) };
  return { ...known, state: 'ready', ...found, ...(answer ? { speed: compared(answer, wasm) } : {}) };
}

function compared(speed: EngineSpeed, wasm: EngineSpeed | undefined): NonNullable<Listed['speed']> {
  if (!wasm) return speed;
  return {
    ...speed,
    productRatio: rounded(speed.gflops / wasm.gflops),
    stepRatio: rounded(wasm.step / speed.step),
  };
}

const rounded = (ratio: number): number => Number(ratio.toPrecision(3));

function table(listed: readonly Listed[], measured: boolean): string[] {
  const head = ['engine', 'version', ...(measured ? ['product', 'step'] : []), 'from'];
  const rows = listed.map(({ engine, state, version, device, speed, source, default: standard }) => [
    standard ? `${engine} *` : engine,
    version ?? state,
    ...(measured ? [product(speed), step(speed)] : []),
    device === undefined ? source : `${source}; ${device}`,
  ]);
  const legend = measured
    ? 'product: 512 x 512 matrices. step: training at width 64, 512 tokens. In brackets: times as fast as wasm, in this run.'
    : '';
  return [...columns([head, ...rows]), '* runs where none is named', ...(legend === '' ? [] : [legend])];
}

function product(speed: Listed['speed']): string {
  if (!speed) return '-';
  const ratio = speed.productRatio === undefined ? '' : ` (${speed.productRatio}x)`;
  return `${speed.gflops.toFixed(speed.gflops < 10 ? 1 : 0)} GFLOP/s${ratio}`;
}

function step(speed: Listed['speed']): string {
  if (!speed) return '-';
  return `${speed.step.toFixed(1)} ms${speed.stepRatio === undefined ? '' : ` (${speed.stepRatio}x)`}`;
}
