/** From a file name to a checked pipeline, an open store and a plan: what most commands begin with. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { closest, distance } from 'fastest-levenshtein';
import { sha256, type JsonObject } from '../schemas/json.js';
import type { CellId, Diagnostic, Pipeline } from '../runner/pipeline.js';
import type { Analysis } from '../runner/language/index.js';
import type { Plan, PlanProblem } from '../runner/plan/index.js';
import type { Store } from '../runner/store/index.js';
import type { Options } from './command.js';
import { exitCode, PipelineError, UsageError, type ExitCode } from './exit.js';
import type { CliHost, Trouble } from './host.js';
import { assignments, text, texts } from './options.js';
import { strictEnvironment } from './strict.js';
import { clean, counted } from './text.js';

export interface Loaded {
  readonly file: string;
  readonly text: string;
  readonly pipeline?: Pipeline;
  readonly diagnostics: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
}

/** Reads and checks a pipeline file. */
export async function load(file: string | undefined, options: Options, host: CliHost): Promise<Loaded> {
  const path = resolve(host.cwd, file ?? '');
  const source = readPipeline(path, host);
  const { pipeline, ...found } = (await checkText(path, options, host))(source);
  const checked = pipeline ? { pipeline: { ...pipeline, digest: sha256(source) } } : {};
  return { file: path, text: source, ...found, ...checked };
}

/** What the command line gives a file: kept with a run, so that it can be planned again. */
export function givenValues(options: Options): JsonObject {
  const preset = text(options, 'preset');
  return {
    ...(preset === undefined ? {} : { preset }),
    param: texts(options, 'param'),
    set: texts(options, 'set'),
  };
}

/** What checks a text as if it stood in a file. */
export async function checkText(
  file: string,
  options: Options,
  host: CliHost,
): Promise<(text: string) => Analysis> {
  const [{ analyze }, registry] = await Promise.all([import('../runner/language/index.js'), host.kinds()]);
  const preset = text(options, 'preset');
  const given = {
    registry,
    ...(preset === undefined ? {} : { preset }),
    params: assignments(options, 'param', '-p'),
    sets: assignments(options, 'set', '--set'),
    workingFolder: host.cwd,
    exists: existsSync,
    isFolder: (at: string) => statSync(at, { throwIfNoEntry: false })?.isDirectory() === true,
    root: projectRoot(dirname(file)),
  };
  return (source) => analyze({ file, text: source }, given);
}

/** A pipeline beside the file that is not there, of nearly its name: `q.yaml` for `q.yml`. */
function meantFile(path: string, host: CliHost): string | undefined {
  const folder = dirname(path);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return undefined;
  const beside = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name));
  const meant = beside.length === 0 ? '' : closest(basename(path), beside);
  return meant !== '' && distance(meant, basename(path)) <= 3
    ? `did you mean ${relativeTo(join(folder, meant), host)}?`
    : undefined;
}

function readPipeline(path: string, host: CliHost): string {
  const name = relativeTo(path, host);
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found)
    throw new UsageError(
      `there is no file ${name}`,
      meantFile(path, host) ?? 'give the path of a pipeline, such as pipelines/quickstart.yaml',
    );
  if (!found.isFile()) throw new UsageError(`${name} is no file`, 'give the path of a pipeline file (.yaml)');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    const reason =
      error instanceof TypeError ? 'is not UTF-8 text' : `cannot be read (${(error as Error).message})`;
    throw new UsageError(`${name} ${reason}`);
  }
}

/**
 * A pipeline without errors.
 *
 * @throws PipelineError where it has some
 */
export async function loadChecked(
  file: string | undefined,
  options: Options,
  host: CliHost,
): Promise<Pipeline> {
  const loaded = await load(file, options, host);
  if (loaded.pipeline && loaded.diagnostics.length === 0) return loaded.pipeline;
  throw new PipelineError(loaded.diagnostics, loaded);
}

export async function printDiagnostics(
  diagnostics: readonly Diagnostic[],
  source: { readonly file: string; readonly text: string },
  host: CliHost,
): Promise<void> {
  const shown = await formatted(diagnostics, source, host);
  host.stderr.write(clean(`${shown.join('\n')}\n${counted(shown.length, 'error')}\n`));
}

/** What may be a mistake of a pipeline: on stderr, so that what is printed for a script stays as it is. */
export async function printWarnings(
  warnings: readonly Diagnostic[],
  file: string,
  host: CliHost,
): Promise<void> {
  if (warnings.length === 0) return;
  const source = { file, text: readPipeline(file, host) };
  for (const text of await formatted(warnings, source, host)) host.stderr.write(clean(`${text}\n`));
}

async function formatted(
  diagnostics: readonly Diagnostic[],
  source: { readonly file: string; readonly text: string },
  host: CliHost,
): Promise<readonly string[]> {
  const { formatDiagnostic } = await import('../runner/language/index.js');
  return diagnostics.map((diagnostic) =>
    formatDiagnostic(
      {
        ...diagnostic,
        file: relativeTo(diagnostic.file, host),
        related: (diagnostic.related ?? []).map((one) => ({ ...one, file: relativeTo(one.file, host) })),
      },
      diagnostic.file === source.file ? source.text : undefined,
    ),
  );
}

const rootMarks = ['.moft', '.git', 'package.json'];

/** Nearest folder with .moft, .git or package.json; without any, the folder itself. */
export function projectRoot(folder: string): string {
  for (let at = folder; ; at = dirname(at)) {
    if (rootMarks.some((mark) => existsSync(join(at, mark)))) return at;
    if (dirname(at) === at) return folder;
  }
}

/** Folder of the store: MOFT_HOME, else `.moft` at the project's root. */
export function storeRoot(folder: string, host: CliHost): string {
  const home = host.env.MOFT_HOME;
  return home !== undefined && home !== '' ? resolve(host.cwd, home) : join(projectRoot(folder), '.moft');
}

/**
 * Folder of a store that is there, or that a project would have. Commands that only look would else make one in whatever
 * folder they are typed in; and a home folder with a store would be the project of all below it.
 *
 * @throws UsageError where there is none
 */
export function standingStore(folder: string, host: CliHost): string {
  const root = storeRoot(folder, host);
  const project = projectRoot(folder);
  const isProject = rootMarks.some((mark) => existsSync(join(project, mark)));
  if (isProject || host.env.MOFT_HOME || existsSync(root)) return root;
  throw new UsageError(
    `there is no store at ${root}`,
    'go to the project or set MOFT_HOME; the first `moft run` makes a store',
  );
}

/** Opens a store, or prints why not; undefined then. `make-room`: to write, if it can be on a full disk too. */
export async function open(
  root: string,
  access: 'read' | 'write' | 'make-room',
  host: CliHost,
  { shared = false }: { readonly shared?: boolean } = {},
): Promise<Store | undefined> {
  const { openStore } = await import('../runner/store/index.js');
  const wanted = access === 'make-room' ? ({ access: 'write', toMakeRoom: true } as const) : { access };
  const store = await openStore(root, { ...host.store, ...wanted, shared });
  if (store.ok) return store.value;
  printProblem(store.error, host);
  return undefined;
}

export function printProblem(problem: Trouble, host: CliHost): void {
  host.onProblem?.(problem);
  host.stderr.write(clean(`moft: ${problem.message}\n`));
  if (problem.hint !== undefined) host.stderr.write(clean(`  hint: ${problem.hint}\n`));
}

export type Planned =
  { readonly ok: true; readonly plan: Plan } | { readonly ok: false; readonly exit: ExitCode };

export interface PlanWishes {
  /** Cells that are to run although they have a result. */
  readonly forced?: ReadonlySet<CellId>;
  /** The engine that `--backend` names. */
  readonly backend?: string | undefined;
}

/**
 * Plans a pipeline; problems of the environment are printed.
 *
 * @throws PipelineError, UsageError where the file is wrong: what it reads is looked at only now
 */
export async function makePlan(
  pipeline: Pipeline,
  store: Store,
  host: CliHost,
  { forced, backend }: PlanWishes = {},
): Promise<Planned> {
  const [{ planPipeline }, code, registry] = await Promise.all([
    import('../runner/plan/index.js'),
    host.code(),
    host.kinds(),
  ]);
  if (!code.ok) {
    printProblem(code.error, host);
    return { ok: false, exit: exitCode.environment };
  }
  const plan = await planPipeline({
    pipeline,
    store,
    code: code.value,
    registry,
    env: host.env,
    environment: knownEnvironment(backend),
    ...(forced ? { forced } : {}),
    ...(pipeline.reproducible === 'strict'
      ? { strict: await strictEnvironment(pipeline, { registry, backend, host }) }
      : {}),
  });
  if (plan.ok) return { ok: true, plan: plan.value };
  return { ok: false, exit: printPlanProblem(plan.error, host) };
}

/** What is known of the numeric environment before an engine starts: marks hits that come from another one. */
const knownEnvironment = (backend: string | undefined): JsonObject => ({
  arch: process.arch,
  node: process.version,
  ...(backend === undefined ? {} : { backend }),
});

function printPlanProblem(problem: PlanProblem, host: CliHost): ExitCode {
  switch (problem.kind) {
    case 'file':
      throw new PipelineError(problem.diagnostics, { file: '', text: '' });
    case 'store':
      if (problem.problem.class === 'user')
        throw new UsageError(problem.problem.message, problem.problem.hint);
      printProblem(problem.problem, host);
      return exitCode.environment;
    case 'code':
      printProblem(problem.problem, host);
      return exitCode.environment;
  }
}

/** A path as it is seen from the working folder, where it lies below it. */
export function relativeTo(file: string, { cwd }: Pick<CliHost, 'cwd'>): string {
  if (!isAbsolute(file)) return file;
  const path = relative(cwd, file);
  return path.startsWith('..') ? file : path;
}

/** Prints a value as one JSON document. */
export function printJson(value: unknown, host: CliHost): void {
  host.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
}
