/** `moft __complete WORD...`: what may stand where the last word stands. Silent about everything that is wrong. */
import { dirname, resolve } from 'node:path';
import type { Cell, CellId } from '../../runner/pipeline.js';
import { parseId } from '../cells.js';
import { attachedValues } from '../attached-values.js';
import type { CommandSpec, Options } from '../command.js';
import type { CliHost } from '../host.js';
import { load, storeRoot } from '../load.js';

/** Asks the shell for its own completion of files. */
const files = ':files';

export interface Completing {
  readonly commands: readonly string[];
  readonly command: (name: string) => Promise<CommandSpec | undefined>;
  readonly host: CliHost;
}

/** Candidates for the last of the words, each beginning with it. */
export async function complete(words: readonly string[], context: Completing): Promise<readonly string[]> {
  const word = words.at(-1) ?? '';
  try {
    const found = await candidates(words.slice(0, -1), word, context);
    return found.filter((candidate) => candidate === files || candidate.startsWith(word));
  } catch {
    return []; // a broken file or store has no ids; the command itself will say so
  }
}

async function candidates(
  before: readonly string[],
  word: string,
  context: Completing,
): Promise<readonly string[]> {
  const [name, ...rest] = before;
  if (name === undefined) return [...context.commands, '--help', '--version'];
  const spec = await context.command(name);
  if (!spec) return [];
  const options = optionsOf(spec);
  const line = parse(attachedValues(rest, [spec]), options);
  if (line.waiting) return valuesOf(line.waiting, spec, line, word, context);
  if (word.startsWith('-')) return [...options.flatMap(({ long }) => long ?? []), '--help'];
  return argument(spec, line, word, context);
}

interface Option {
  readonly names: readonly string[];
  readonly long?: string;
  readonly value: 'none' | 'needed' | 'maybe';
}

function optionsOf({ options }: CommandSpec): readonly Option[] {
  return options.map(([flags]) => {
    const names = flags.match(/--?[a-z][a-z-]*/g) ?? [];
    const long = names.find((name) => name.startsWith('--'));
    const value = flags.includes('<') ? 'needed' : flags.includes('[') ? 'maybe' : 'none';
    return { names, ...(long === undefined ? {} : { long }), value };
  });
}

interface Line {
  readonly positional: readonly string[];
  readonly params: readonly string[];
  /** The option whose value is being written. */
  readonly waiting?: string;
}

function parse(words: readonly string[], options: readonly Option[]): Line {
  const positional: string[] = [];
  const params: string[] = [];
  let open: Option | undefined;
  for (const word of words) {
    if (open) {
      if (open.long === '--param') params.push(word);
      open = undefined;
      continue;
    }
    const [, flag = word, value] = /^(--?[a-z-]+)=(.*)$/s.exec(word) ?? [];
    const option = options.find(({ names }) => names.includes(flag));
    if (value !== undefined && option?.long === '--param') params.push(value);
    else if (value === undefined && option && option.value !== 'none') open = option;
    else if (!word.startsWith('-')) positional.push(word);
  }
  return { positional, params, ...(open?.long === undefined ? {} : { waiting: open.long }) };
}

/** Words that an option takes from a fixed list stand in its description, as in `(mermaid, dot, svg or html)`. */
function listed(spec: CommandSpec, option: string): readonly string[] {
  const [, description = ''] = spec.options.find(([flags]) => flags.includes(option)) ?? [];
  const list = /: ([a-z-]+(?:, [a-z-]+)* or [a-z-]+)/.exec(description)?.[1] ?? '';
  return list === '' ? [] : list.split(/, | or /);
}

async function valuesOf(
  option: string,
  spec: CommandSpec,
  line: Line,
  word: string,
  { host }: Completing,
): Promise<readonly string[]> {
  switch (option) {
    case '--only':
    case '--from':
    case '--until':
    case '--force':
    case '--cells':
      return patterns(await cellsOf(line, host), word);
    case '--param':
      return (await paramsOf(line, host)).map((name) => `${name}=`);
    case '--run':
      return runsOf(host);
    default: {
      const values = listed(spec, option);
      return values.length > 0 ? values : [files];
    }
  }
}

/** The arguments of a command by their names in its usage. */
async function argument(
  { usage }: CommandSpec,
  line: Line,
  word: string,
  { host }: Completing,
): Promise<readonly string[]> {
  const names = usage.match(/[<[][^>\]]+[>\]]/g) ?? [];
  switch (names[line.positional.length]?.slice(1, -1)) {
    case 'cell':
      return line.positional.length > 0
        ? ids(await cellsOf(line, host), word)
        : ids((await recorded(host)).map(named), word);
    case 'run':
    case '...runs':
      return runsOf(host);
    case 'a':
    case 'b':
      return [...(await runsOf(host)), files];
    case 'shell':
      return ['bash', 'zsh', 'fish'];
    case undefined:
      return [];
    default:
      return [files];
  }
}

type Named = Pick<Cell, 'id' | 'stage'>;
const named = (id: string): Named => ({ id: id as CellId, stage: parseId(id as CellId).stage });

/** Ids of cells; while the stage is being written, the stages, `clp/` where more must follow. */
function ids(cells: readonly Named[], word: string): readonly string[] {
  if (word.includes('/')) return cells.map(({ id }) => id);
  const stages = [...new Set(cells.map(({ stage }) => stage))].filter((stage) => stage.startsWith(word));
  const [only] = stages;
  if (only !== undefined && stages.length === 1)
    return cells.filter(({ stage }) => stage === only).map(({ id }) => id);
  const whole = new Set<string>(cells.map(({ id }) => id));
  return stages.map((stage) => (whole.has(stage) ? stage : `${stage}/`));
}

/** Where a pattern is taken, a stage stands for all of its cells. */
function patterns(cells: readonly Named[], word: string): readonly string[] {
  return [...new Set([...cells.map(({ stage }) => stage), ...ids(cells, word)])];
}

async function pipelineOf({ positional, params }: Line, host: CliHost) {
  const options: Options = params.length > 0 ? { param: params } : {};
  return (await load(positional[0], options, host)).pipeline;
}

const cellsOf = async (line: Line, host: CliHost): Promise<readonly Named[]> =>
  (await pipelineOf(line, host))?.cells ?? [];

const paramsOf = async (line: Line, host: CliHost): Promise<readonly string[]> =>
  Object.keys((await pipelineOf({ ...line, params: [] }, host))?.params ?? {});

async function storeAt(folder: string, host: CliHost) {
  const { openStore } = await import('../../runner/store/index.js');
  const store = await openStore(storeRoot(folder, host), { access: 'read' });
  return store.ok ? store.value : undefined;
}

async function runsOf(host: CliHost): Promise<readonly string[]> {
  return (await storeAt(host.cwd, host))?.runs.list().slice(0, 50) ?? [];
}

/** Ids of finished cells in the newest runs of the store. */
async function recorded(host: CliHost): Promise<readonly string[]> {
  const store = await storeAt(dirname(resolve(host.cwd, 'x')), host);
  const manifests =
    store?.runs
      .list()
      .slice(0, 10)
      .map((run) => store.runs.read(run)) ?? [];
  return [...new Set(manifests.flatMap((manifest) => Object.keys(manifest?.cells ?? {})))];
}
