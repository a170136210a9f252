import { existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { StageFailure } from '../runner/contract.js';
import type { Store, StoreProblem } from '../runner/store/index.js';
import type { RecordedArtifact } from '../schemas/protocol.js';
import { err, ok, type Result } from '../schemas/result.js';
import { jsonOption, type CommandSpec, type Options } from './command.js';
import { exitCode, UsageError } from './exit.js';
import { open, printJson, printProblem, storeRoot } from './load.js';
import { flag, text } from './options.js';
import { newestResult, type NamedResult } from './results.js';
import { clean } from './text.js';

const spec: CommandSpec = {
  usage: 'export <cell> [output]',
  description:
    'Copy what a cell made out of the store; of a policy, with --weights, the model at one trade-off as other programs load it',
  options: [
    ['-o, --out <path>', 'Where to: a folder, or a file where the output is one; nothing may stand there'],
    ['--weights <list>', 'Merge a policy at these weights, such as nli=0.7,rouge=0.3; others are 0'],
    ['--alpha <value>', 'Merge a policy at this KL weight, where it was trained for a range'],
    ['--run <id>', 'Look in this run only'],
    jsonOption,
  ],
  examples: [
    'export reference/seed=0 -o models/reference',
    'export clp/conditioning=full,seed=0 -o models/faithful --weights nli=0.8,rouge=0.2',
    'export news validation -o data/validation',
  ],
  async run([cell, output], options, host) {
    const out = text(options, 'out');
    if (out === undefined)
      throw new UsageError('export needs a place to write to', 'add `-o PATH`, where nothing stands yet');
    const to = freePath(resolve(host.cwd, out));
    const asked = askedOf(options);
    const store = await open(storeRoot(host.cwd, host), 'read', host);
    if (!store) return exitCode.environment;
    const result = newestResult(store, cell ?? '', text(options, 'run'));
    const { name, type, digest } = outputOf(result, output);
    if (asked && type !== 'policy')
      throw new UsageError(
        `--weights and --alpha are for policies, and ${name} of ${result.id} is a ${type}`,
        'leave them away',
      );
    const copied = asked
      ? await mergedModel(store, digest, { asked, to })
      : await store.cas.restore(type, digest, to);
    if (!copied.ok) {
      printProblem(copied.error, host);
      return exitCode.environment;
    }
    const { pipeline, run } = result.run;
    if (flag(options, 'json'))
      printJson({ cell: result.id, pipeline, run, output: name, type, digest, path: to }, host);
    // Another pipeline may have a cell of that name, and it may be newer.
    else host.stderr.write(clean(`wrote ${out}: ${name} of ${result.id} in ${pipeline}, run ${run}\n`));
    return exitCode.done;
  },
};
export default spec;

interface Asked {
  readonly weights?: Readonly<Record<string, number>>;
  readonly alpha?: number;
}

/** Undefined where nothing is said of a trade-off. */
function askedOf(options: Options): Asked | undefined {
  const [weights, alpha] = [text(options, 'weights'), text(options, 'alpha')];
  if (weights === undefined && alpha === undefined) return undefined;
  return {
    ...(weights === undefined ? {} : { weights: weightsIn(weights) }),
    ...(alpha === undefined ? {} : { alpha: numberIn(alpha, '--alpha') }),
  };
}

function weightsIn(list: string): Record<string, number> {
  const pairs = list.split(',').map((item) => item.split('='));
  const weights = Object.fromEntries(
    pairs.map(([name = '', value = '']) => [name.trim(), numberIn(value, `the weight of ${name.trim()}`)]),
  );
  if (Object.keys(weights).length === pairs.length) return weights;
  throw new UsageError('--weights names an objective twice', 'keep one of them');
}

function numberIn(value: string, what: string): number {
  const number = Number(value);
  if (value.trim() !== '' && Number.isFinite(number)) return number;
  throw new UsageError(
    `${what} is a number, found ${JSON.stringify(value)}`,
    'write --weights nli=0.7,rouge=0.3 or --alpha 0.05',
  );
}

/** Nothing of the user's is written over. */
function freePath(path: string): string {
  if (existsSync(path))
    throw new UsageError(`there is something at ${path} already`, 'name a path where nothing is');
  let above = dirname(path);
  while (!existsSync(above)) above = dirname(above);
  if (!statSync(above).isDirectory())
    throw new UsageError(`nothing can be written to ${path}: ${above} is a file`, 'name a path in a folder');
  return path;
}

function outputOf({ id, record }: NamedResult, output: string | undefined): RecordedArtifact {
  const { artifacts } = record.record;
  const names = artifacts.map(({ name }) => name);
  const named = artifacts.filter(({ name }) => output === undefined || name === output);
  const [only] = named;
  if (only && named.length === 1) return only;
  throw new UsageError(
    only
      ? `${id} has ${names.length} outputs, expected one`
      : `${id} has no output ${JSON.stringify(output ?? '')}`,
    `its outputs are ${names.join(', ')}`,
  );
}

interface Merging {
  readonly asked: Asked;
  readonly to: string;
}

/** Written beside its place and moved there: half a model never stands under the name that was asked for. */
async function mergedModel(
  { cas }: Store,
  digest: string,
  { asked, to }: Merging,
): Promise<Result<void, StoreProblem>> {
  const whole = await cas.verify('policy', digest);
  if (!whole.ok) return whole;
  const policy = cas.artifactRef('policy', digest);
  if (!policy.ok) return policy;
  const fresh = `${to}.${process.pid}.new`;
  const { saveMergedModel } = await import('../stages/policy/merged-model.js');
  const { startEngine } = await import('../stages/backend/engine.js');
  try {
    await startEngine();
    await saveMergedModel(policy.value, asked, fresh);
    renameSync(fresh, to);
    return ok(undefined);
  } catch (error) {
    if (!(error instanceof StageFailure)) throw error;
    if (error.failure.class === 'user') throw new UsageError(error.message);
    return err(error.failure);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}
