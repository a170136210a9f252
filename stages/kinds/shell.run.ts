import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Emit, OpenWorkshop, StageJob, Workshop } from '../../runner/contract.js';
import { StageFailure } from '../../runner/contract.js';
import { failureOf } from '../shell/failure.js';
import { variableName } from '../shell/variables.js';
import type { ShellWith } from './shell.js';

type ShellJob = StageJob<ShellWith>;

/** Lays the inputs out, runs the script with its variables, and takes what it was to write. */
export function run(job: ShellJob, _emit: Emit, _signal: AbortSignal, open: OpenWorkshop): Promise<void> {
  return open(async (workshop) => {
    const variables = { ...(await inputVariables(job, workshop)), ...outputVariables(job, workshop) };
    const end = await workshop.run(job.with.run, { ...surroundings(job, workshop), ...variables });
    const failure = failureOf(end);
    if (failure) throw failure;
    for (const [name, { path }] of Object.entries(job.with.outputs))
      await workshop.collect(name, join(workshop.folder, path));
  });
}

/** Lays every input out; those that a name was given to (files and the lock have none) are told by variables. */
async function inputVariables(
  { inputs, with: { link } }: ShellJob,
  workshop: Workshop,
): Promise<Record<string, string>> {
  const variables: Record<string, string> = {};
  for (const name of Object.keys(inputs)) {
    const { path } = await workshop.lay(name, link);
    if (name !== 'lock' && !name.includes('/')) variables[`MOFT_INPUT_${variableName(name)}`] = path;
  }
  return variables;
}

/** The folders of outputs are there before the script begins; the outputs are not. */
function outputVariables({ with: { outputs } }: ShellJob, { folder }: Workshop): Record<string, string> {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, output]) => {
      const path = join(folder, output.path);
      if (existsSync(path))
        throw new StageFailure(
          'user',
          'output-path',
          `the output ${JSON.stringify(name)} would replace the declared file ${output.path}; write it elsewhere`,
        );
      mkdirSync(dirname(path), { recursive: true });
      return [`MOFT_OUTPUT_${variableName(name)}`, path];
    }),
  );
}

/** Variables that every command gets as `moft` has them; which graphics cards it sees is handed out. */
const standing = ['PATH', 'CUDA_VISIBLE_DEVICES'];

/** One for all, since it decides how programs sort and print; a stage that names LANG under `env` has it in its key. */
const language = 'C.UTF-8';

/** All variables that are no input and no output: what every program needs, what the stage declares, and ours. */
function surroundings(job: ShellJob, workshop: Workshop): Record<string, string> {
  const { env = [], secrets = [], seed } = job;
  const declared = [...standing, ...env, ...secrets].flatMap((name) => {
    const value = workshop.variable(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    HOME: workshop.home,
    TMPDIR: workshop.temporary,
    ...([...env, ...secrets].includes('LANG') ? {} : { LANG: language }),
    ...Object.fromEntries(declared),
    MOFT_PARAMS: JSON.stringify(job.with.params),
    MOFT_EVENTS: workshop.events,
    MOFT_CHECKPOINT: workshop.checkpoint,
    ...(seed === undefined ? {} : { MOFT_SEED: String(seed) }),
  };
}
