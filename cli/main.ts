/** The command line: finds the command, parses its options, and is the only place that turns errors into exit codes. */
import { cac } from 'cac';
import { distance } from 'fastest-levenshtein';
import check from './check.js';
import type { CommandSpec } from './command.js';
import { printError, printErrorJson } from './errors.js';
import { exitCode, PipelineError, UsageError, type ExitCode } from './exit.js';
import doctor from './doctor.js';
import explain from './explain.js';
import gc from './gc.js';
import type { CliHost } from './host.js';
import logs from './logs.js';
import ls from './ls.js';
import pin from './pin.js';
import plan from './plan.js';
import report from './report.js';
import run from './run.js';
import show from './show.js';
import { clean } from './text.js';
import worker from './worker.js';

/** All of them, in the order of the help. */
export const commands: readonly CommandSpec[] = [
  check,
  plan,
  run,
  explain,
  show,
  ls,
  logs,
  report,
  pin,
  gc,
  doctor,
  worker,
];

/** With --json, these print one event a line. */
const eventCommands = ['run', 'logs'];

/**
 * Runs a command line and answers with its exit code.
 *
 * @param argv arguments without node and the script
 */
export async function main(argv: readonly string[], host: CliHost, version: string): Promise<ExitCode> {
  try {
    return await dispatch(argv, host, version);
  } catch (error) {
    const known = error instanceof PipelineError ? error : asUsageError(error);
    if (!known) {
      const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
      host.stderr.write(`moft: internal error; please report it with what follows\n${clean(told)}\n`);
      return exitCode.failed;
    }
    await printError(known, host);
    if (argv.includes('--json')) printErrorJson(known, eventCommands.includes(argv[0] ?? ''), host);
    return exitCode.wrong;
  }
}

async function dispatch(argv: readonly string[], host: CliHost, version: string): Promise<ExitCode> {
  const cli = cac('moft');
  let chosen: (() => Promise<ExitCode>) | undefined;
  for (const spec of commands) {
    const command = cli.command(spec.usage, spec.description);
    for (const [flags, description] of spec.options) command.option(flags, description);
    for (const example of spec.examples) command.example(`  $ moft ${example}`);
    command.action((...parts: unknown[]) => {
      const options = parts.pop() as Readonly<Record<string, unknown>>;
      chosen = () => spec.run(parts as (string | undefined)[], options, host);
    });
  }
  cli.help();
  cli.version(version);
  cli.parse(['node', 'moft', ...argv], { run: false });
  if (cli.options.help === true || cli.options.version === true) return exitCode.done;
  if (cli.matchedCommand === undefined) return noCommand(cli.args[0], () => cli.outputHelp());
  cli.runMatchedCommand();
  return chosen === undefined ? exitCode.wrong : chosen();
}

function noCommand(found: string | undefined, help: () => void): ExitCode {
  if (found === undefined) {
    help();
    return exitCode.wrong;
  }
  const names = commands.map(({ usage }) => usage.split(' ')[0] ?? '');
  const [nearest] = [...names].sort((a, b) => distance(a, found) - distance(b, found));
  const isFile = /\.ya?ml$/.test(found);
  const hint = isFile
    ? `write \`moft run ${found}\``
    : nearest !== undefined && distance(nearest, found) <= 2
      ? `did you mean \`moft ${nearest}\`?`
      : `the commands are ${names.join(', ')}`;
  throw new UsageError(`there is no command ${JSON.stringify(found)}`, hint);
}

/** cac's own errors are wrong arguments; everything else is what it is. */
function asUsageError(error: unknown): UsageError | undefined {
  if (error instanceof UsageError) return error;
  if (!(error instanceof Error) || error.constructor.name !== 'CACError') return undefined;
  const unknown = /Unknown option `(.*)`/.exec(error.message)?.[1];
  const message = error.message.charAt(0).toLowerCase() + error.message.slice(1);
  return new UsageError(
    message,
    unknown === undefined ? 'see `moft <command> --help`' : hintForOption(unknown),
  );
}

function hintForOption(found: string): string {
  const known = commands
    .flatMap(({ options }) => options.map(([flags]) => flags))
    .flatMap((flags) => /--[a-z-]+/.exec(flags) ?? [])
    .filter((name) => name !== found); // an option of other commands
  const [nearest] = [...new Set(known)].sort((a, b) => distance(a, found) - distance(b, found));
  return nearest !== undefined && distance(nearest, found) <= 3
    ? `did you mean \`${nearest}\`? see \`moft <command> --help\``
    : 'see `moft <command> --help`';
}
