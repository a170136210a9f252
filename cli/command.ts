import type { CliHost } from './host.js';
import type { ExitCode } from './exit.js';

/** Options as the parser leaves them: text, a list of texts where repeated, or a switch. */
export type Options = Readonly<Record<string, unknown>>;

export interface CommandSpec {
  /** Name and arguments, such as `run <file>`. */
  readonly usage: string;
  readonly description: string;
  /** `[flags, description]`. */
  readonly options: readonly (readonly [string, string])[];
  /** Command lines without the program's name. */
  readonly examples: readonly string[];
  run(args: readonly (string | undefined)[], options: Options, host: CliHost): Promise<ExitCode>;
}

export const jsonOption = ['--json', 'Print JSON (stable, for scripts)'] as const;
export const valueOptions = [
  ['--preset <name>', 'Take a set of params that the file names under `presets`'],
  ['-p, --param <name=value>', 'Give a param; may be repeated'],
  ['--set <path=value>', 'Replace a value of the file, such as stages.clp.with.steps=50; may be repeated'],
] as const;
