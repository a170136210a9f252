import { engineNames, isEngineName, type EngineName } from '../stages/backend/engine-info.js';
import { jsonOption, type CommandSpec, type Options } from './command.js';
import { exitCode, UsageError, type ExitCode } from './exit.js';
import type { CliHost } from './host.js';
import { printJson, printProblem } from './load.js';
import { flag, text } from './options.js';

const spec: CommandSpec = {
  usage: 'backend <verb> [engine] [task]',
  description: 'Engines of this machine: list, check [engine], install <webgpu|tensorflow>, link',
  options: [
    ['--python <path>', 'link: the Python whose TensorFlow is taken; default: python3 on the PATH'],
    ['--quick', 'list: do not measure speed'],
    jsonOption,
  ],
  examples: [
    'backend list',
    'backend check wasm',
    'backend install webgpu',
    'backend link --python .venv/bin/python',
  ],
  run([verb = '', engine, task], options, host) {
    if (Object.hasOwn(verbs, verb)) return verbs[verb as keyof typeof verbs]({ engine, task, options, host });
    const expected = Object.keys(verbs).filter((name) => name !== 'inside');
    throw new UsageError(
      `backend expects a verb, found ${JSON.stringify(verb)}`,
      `the verbs are ${expected.join(', ')}`,
    );
  },
};
export default spec;

interface Call {
  readonly engine: string | undefined;
  readonly task: string | undefined;
  readonly options: Options;
  readonly host: CliHost;
}

const verbs = {
  async list({ options, host }: Call): Promise<ExitCode> {
    const { printList } = await import('./engines/list.js');
    await printList({ json: flag(options, 'json'), measure: !flag(options, 'quick') }, host);
    return exitCode.done;
  },

  async check({ engine, options, host }: Call): Promise<ExitCode> {
    const { checkEngine } = await import('./engines/check.js');
    const { defaultEngine } = await import('../stages/backend/manage/inventory.js');
    const name = engine === undefined ? defaultEngine(await folderOf(host)) : named(engine);
    return checkEngine(name, flag(options, 'json'), host);
  },

  async install({ engine, options, host }: Call): Promise<ExitCode> {
    const { installTensorFlow, installWebgpu } = await import('../stages/backend/manage/install.js');
    const installers: Partial<Record<EngineName, typeof installWebgpu>> = {
      webgpu: installWebgpu,
      tensorflow: installTensorFlow,
    };
    const install = engine === undefined ? undefined : installers[named(engine)];
    if (!install) {
      const found = engine === undefined ? 'none' : `${engine}, which npm brings`;
      throw new UsageError(`backend install expects webgpu or tensorflow, found ${found}`);
    }
    const installed = await install({ engines: await folderOf(host), say: teller(options, host) });
    if (!installed.ok) {
      printProblem(installed.error, host);
      return exitCode.environment;
    }
    tellEnd({ engine: engine ?? '', message: installed.value }, options, host);
    return exitCode.done;
  },

  async link({ options, host }: Call): Promise<ExitCode> {
    const [{ linkTensorFlow }, { askEngine }] = await Promise.all([
      import('../stages/backend/manage/link.js'),
      import('./engines/ask.js'),
    ]);
    const linked = await linkTensorFlow({
      python: text(options, 'python'),
      engines: await folderOf(host),
      env: host.env,
      say: teller(options, host),
      prove: async (engines) => {
        const asked = await askEngine('tensorflow', 'start', host, engines);
        return asked.ok ? { ok: true, value: asked.value.info.version } : asked;
      },
    });
    if (!linked.ok) {
      printProblem(linked.error, host);
      return exitCode.environment;
    }
    const message = 'linked: tensorflow is now the engine where none is named (`moft backend list`)';
    tellEnd({ engine: 'tensorflow', message }, options, host);
    return exitCode.done;
  },

  /** What list, check and link start in processes of their own. */
  async inside({ engine = '', task, host }: Call): Promise<ExitCode> {
    const { answerInside, tasks } = await import('./engines/ask.js');
    const chosen = tasks.find((name) => name === task);
    if (chosen === undefined) throw new UsageError(`backend inside expects ${tasks.join(', ')}`);
    await answerInside(named(engine), chosen, host);
    return exitCode.done;
  },
};

function named(engine: string): EngineName {
  if (isEngineName(engine)) return engine;
  throw new UsageError(
    `backend expects an engine, found ${JSON.stringify(engine)}`,
    `the engines are ${engineNames.join(', ')}`,
  );
}

async function folderOf(host: CliHost): Promise<string> {
  const { enginesFolder } = await import('../stages/backend/places.js');
  return enginesFolder(host.env);
}

/** Says how far it is; with --json on stderr, as stdout has one document. */
function teller(options: Options, host: CliHost): (line: string) => void {
  const output = flag(options, 'json') ? host.stderr : host.stdout;
  return (line) => void output.write(`${line}\n`);
}

function tellEnd(
  end: { readonly engine: string; readonly message: string },
  options: Options,
  host: CliHost,
): void {
  if (flag(options, 'json')) printJson({ ok: true, ...end }, host);
  else host.stdout.write(`${end.message}\n`);
}
