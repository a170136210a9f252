/** What there is of processors, graphics cards and tokens: as the command line, `moft.yaml` and the machine say. */
import { dirname } from 'node:path';
import type { Capacity } from '../runner/execute/resources.js';
import type { Plan } from '../runner/plan/index.js';
import type { Options } from './command.js';
import { PipelineError, UsageError } from './exit.js';
import type { CliHost } from './host.js';
import { machineOf } from './machine.js';
import { assignments, positiveInteger, text } from './options.js';

export const capacityOptions = [
  ['-j, --jobs <n>', 'Cells of one core that run at once; default: the cores'],
  [
    '--gpu <ids>',
    'Graphics cards to hand out, such as 0,1, or none; default: CUDA_VISIBLE_DEVICES, else all',
  ],
  ['--token <name=count>', 'How many there are of what stages take as tokens; may be repeated'],
] as const;

/**
 * The capacity for what a plan may run.
 *
 * @throws PipelineError where a cell of it could never start
 */
export async function capacityFor(plan: Plan, options: Options, host: CliHost): Promise<Capacity> {
  const [{ capacityOf }, { unfitting }] = await Promise.all([
    import('../runner/execute/environment.js'),
    import('../runner/execute/resources.js'),
  ]);
  const offered = {
    jobs: positiveInteger(options, 'jobs'),
    gpus: cardsOption(options),
    tokens: tokensOption(options),
  };
  const { resources } = await machineOf(dirname(plan.pipeline.file));
  const missing = plan.cells.flatMap(({ status, cell }) => (status === 'hit' ? [] : [cell]));
  // A hit may be found lost, and made again: by a cell that runs.
  const wantsCards = missing.length > 0 && plan.cells.some(({ cell }) => (cell.resources.gpu ?? 0) > 0);
  const capacity = capacityOf(offered, resources, { env: host.env, wantsCards });
  const tooLarge = unfitting(missing, capacity);
  if (tooLarge.length > 0) throw new PipelineError(tooLarge, { file: '', text: '' });
  return capacity;
}

function cardsOption(options: Options): readonly string[] | undefined {
  const value = text(options, 'gpu');
  if (value === undefined) return undefined;
  if (value === 'none') return [];
  const ids = value.split(',').map((id) => id.trim());
  if (ids.every((id) => /^[\w/:-]+$/.test(id)) && new Set(ids).size === ids.length) return ids;
  throw new UsageError(
    `--gpu expects ids of graphics cards, each once, found ${JSON.stringify(value)}`,
    'write them like --gpu 0,1; `nvidia-smi -L` lists them',
  );
}

function tokensOption(options: Options): Readonly<Record<string, number>> {
  const given = Object.entries(assignments(options, 'token', '--token'));
  return Object.fromEntries(given.map(([name, value]) => [name, countOf(name, value)]));
}

function countOf(name: string, value: string): number {
  if (/^[1-9]\d{0,8}$/.test(value)) return Number(value);
  throw new UsageError(
    `--token ${name} expects a whole number of at least 1, found ${JSON.stringify(value)}`,
    `write --token ${name}=4`,
  );
}
