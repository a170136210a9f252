/** The command line: finds the command, parses its options, and is the only place that turns errors into exit codes. */
import { cac } from 'cac';
import { distance } from 'fastest-levenshtein';
import { attachedValues } from './attached-values.js';
import type { CommandSpec } from './command.js';
import { hearing, printError, printErrorJson } from './errors.js';
import { exitCode, PipelineError, UsageError, type ExitCode } from './exit.js';
import type { CliHost } from './host.js';
import { printProblem } from './load.js';
import { clean } from './text.js';

/** All of them, in the order of the help; one is loaded when it is named, so that each starts at once. */
const loaders: Readonly<Record<string, () => Promise<{ readonly default: CommandSpec }>>> = {
  init: () => import('./init.js'),
  check: () => import('./check.js'),
  plan: () => import('./plan.js'),
  run: () => import('./run.js'),
  explain: () => import('./explain.js'),
  diff: () => import('./diff.js'),
  graph: () => import('./graph.js'),
  show: () => import('./show.js'),
  ls: () => import('./ls.js'),
  logs: () => import('./logs.js'),
  status: () => import('./status.js'),
  attach: () => import('./attach.js'),
  cancel: () => import('./cancel.js'),
  report: () => import('./report.js'),
  export: () => import('./export.js'),
  sync: () => import('./sync.js'),
  restore: () => import('./restore.js'),
  mlflow: () => import('./mlflow.js'),
  schema: () => import('./schema.js'),
  push: () => import('./push.js'),
  pull: () => import('./pull.js'),
  lsp: () => import('./lsp.js'),
  pin: () => import('./pin.js'),
  audit: () => import('./audit.js'),
  gc: () => import('./gc.js'),
  doctor: () => import('./doctor.js'),
  backend: () => import('./backend.js'),
  completion: () => import('./completion.js'),
  worker: () => import('./worker.js'),
};

/** The named commands; all of them where the name is none of theirs. */
export async function loadCommands(name?: string): Promise<readonly CommandSpec[]> {
  const named = name !== undefined && Object.hasOwn(loaders, name) ? loaders[name] : undefined;
  const loaded = await Promise.all((named ? [named] : Object.values(loaders)).map((load) => load()));
  return loaded.map((module) => module.default);
}

/** With --json, these print one event a line. */
const eventCommands = ['run', 'logs', 'attach'];

/**
 * Runs a command line and answers with its exit code.
 *
 * @param argv arguments without node and the script
 */
export async function main(argv: readonly string[], host: CliHost, version: string): Promise<ExitCode> {
  if (argv[0] === '__complete') return printCandidates(argv.slice(1), host);
  if (!argv.includes('--json')) return settle(argv, host, version);
  const heard = hearing(host);
  const exit = await settle(argv, heard.host, version);
  if (exit === exitCode.environment) heard.tell(eventCommands.includes(argv[0] ?? ''));
  return exit;
}

async function settle(argv: readonly string[], host: CliHost, version: string): Promise<ExitCode> {
  try {
    return await dispatch(argv, host, version);
  } catch (error) {
    const known = error instanceof PipelineError ? error : await asUsageError(error, argv[0]);
    const refusal = known ? undefined : (await import('../runner/store/index.js')).refusalOf(error);
    if (refusal) {
      printProblem(refusal, host);
      return exitCode.environment;
    }
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

/** For the completion of a shell, which can do nothing with an error. */
async function printCandidates(words: readonly string[], host: CliHost): Promise<ExitCode> {
  const { complete } = await import('./completion/complete.js');
  const command = async (name: string): Promise<CommandSpec | undefined> =>
    Object.hasOwn(loaders, name) ? (await loadCommands(name))[0] : undefined;
  const found = await complete(words, { commands: Object.keys(loaders), command, host });
  for (const candidate of found) host.stdout.write(`${clean(candidate)}\n`);
  return exitCode.done;
}

async function dispatch(argv: readonly string[], host: CliHost, version: string): Promise<ExitCode> {
  const cli = cac('moft');
  let chosen: (() => Promise<ExitCode>) | undefined;
  const specs = await loadCommands(argv[0]);
  for (const spec of specs) {
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
  cli.parse(['node', 'moft', ...attachedValues(argv, specs)], { run: false });
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
  const names = Object.keys(loaders);
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
async function asUsageError(error: unknown, name: string | undefined): Promise<UsageError | undefined> {
  if (error instanceof UsageError) return error;
  if (!(error instanceof Error) || error.constructor.name !== 'CACError') return undefined;
  const unknown = /Unknown option `(.*)`/.exec(error.message)?.[1];
  const message = error.message.charAt(0).toLowerCase() + error.message.slice(1);
  const named = name !== undefined && Object.hasOwn(loaders, name) ? name : undefined;
  const help = named === undefined ? 'see `moft --help`' : `see \`moft ${named} --help\``;
  const nearest = unknown === undefined ? undefined : await nearestOption(unknown, named);
  return new UsageError(message, nearest === undefined ? help : `did you mean \`${nearest}\`? ${help}`);
}

/** Of the options of the command. */
async function nearestOption(found: string, name: string | undefined): Promise<string | undefined> {
  const known = (await loadCommands(name))
    .flatMap(({ options }) => options.map(([flags]) => flags))
    .flatMap((flags) => /--[a-z-]+/.exec(flags) ?? []);
  const [nearest] = [...new Set(known)].sort((a, b) => distance(a, found) - distance(b, found));
  return nearest !== undefined && distance(nearest, found) <= 3 ? nearest : undefined;
}
