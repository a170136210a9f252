import { writeFileSync, existsSync } from 'node:fs';
import { basename, dirname, extname, relative, resolve } from 'node:path';
import { failureFromSystem, systemCode } from '../runner/execute/failures.js';
import type { CommandSpec, Options } from './command.js';
import { exitCode, UsageError } from './exit.js';
import type { CliHost } from './host.js';
import { readFolder, type Folder } from './init/folder.js';
import { methods, rewardsFor, template, type Answers } from './init/template.js';
import { relativeTo } from './load.js';
import { flag, positiveInteger, text } from './options.js';
import { clean } from './text.js';

const spec: CommandSpec = {
  usage: 'init [file]',
  description: 'Write a first pipeline, commented and ready to run; asks where there is a terminal',
  options: [
    ['--data <name>', 'Text to train on: news or jsonl'],
    ['--path <folder>', 'Folder of the JSONL files'],
    [
      '--rewards <names>',
      'Two rewards or more, with commas; of news: nli,rouge,tldr; of jsonl: brevity,faithfulness,rouge-l',
    ],
    ['--method <names>', 'Policies to compare, with commas: soup,full,attention,logits,prompt'],
    ['--seeds <n>', 'How often each training is repeated'],
    ['--yes', 'Ask nothing; take the defaults for what no option says'],
  ],
  examples: [
    'init',
    'init experiment.yaml --yes',
    'init papers.yaml --data jsonl --path data/papers --rewards brevity,rouge-l --method soup,full --seeds 3',
  ],
  async run([file = 'pipeline.yaml'], options, host) {
    const path = resolve(host.cwd, file);
    refuseExisting(path);
    const answers = await answersOf(options, path, host);
    write(path, template(answers));
    const shown = relativeTo(path, host);
    host.stdout.write(
      clean(
        `wrote ${shown}\n  check it:      moft check ${shown}\n  see the plan:  moft plan ${shown}\n  run it:        moft run ${shown}\n`,
      ),
    );
    return exitCode.done;
  },
};
export default spec;

function refuseExisting(path: string): void {
  if (!/\.ya?ml$/.test(path))
    throw new UsageError(`${path} is no name of a pipeline`, 'give it the ending .yaml');
  if (existsSync(path))
    throw new UsageError(`there is already a file ${path}`, 'give another name; init never overwrites');
}

/** The file is made only where there is none, also where one came in between. */
function write(path: string, content: string): void {
  try {
    writeFileSync(path, content, { flag: 'wx' });
  } catch (error) {
    if (systemCode(error) === 'EEXIST') refuseExisting(path);
    if (systemCode(error) === 'ENOENT')
      throw new UsageError(`there is no folder ${dirname(path)}`, 'make it first');
    throw new UsageError(`${path} can't be written: ${failureFromSystem(error).message}`);
  }
}

type Ask = (question: string, standard: string) => Promise<string>;

async function answersOf(options: Options, path: string, host: CliHost): Promise<Answers> {
  const asked = flag(options, 'yes') ? undefined : host.ask;
  const ask: Ask = async (question, standard) => {
    const answer = (await asked?.(`${question} [${standard}] `))?.trim();
    return answer === undefined || answer === '' ? standard : answer;
  };
  const value = async (name: string, question: string, standard: string): Promise<string> =>
    text(options, name) ?? ask(question, standard);
  const data = one(
    await value('data', 'Text to train on: news or jsonl?', 'news'),
    ['news', 'jsonl'],
    '--data',
  );
  const folder = data === 'jsonl' ? await folderOf(options, { path, ask, host }) : undefined;
  const known = rewardsFor[data];
  const rewards = some(
    await value('rewards', `Rewards to trade off, of ${known.join(', ')}?`, known.slice(0, 2).join(',')),
    known,
    '--rewards',
  );
  if (rewards.length < 2)
    throw new UsageError(
      `--rewards expects two rewards or more, found ${rewards.join(', ')}`,
      `the rewards of ${data} are ${known.join(', ')}`,
    );
  const chosen = some(
    await value('method', `Policies, of ${methods.join(', ')}?`, 'soup,full'),
    methods,
    '--method',
  );
  const seeds = positiveInteger(options, 'seeds') ?? whole(await ask('Seeds?', '2'));
  return {
    name: nameOf(path),
    data,
    rewards: [...rewards].sort(),
    methods: methods.filter((method) => chosen.includes(method)),
    seeds,
    ...(folder ? { folder } : {}),
  };
}

async function folderOf(
  options: Options,
  { path, ask, host }: { readonly path: string; readonly ask: Ask; readonly host: CliHost },
): Promise<Folder> {
  const given = text(options, 'path') ?? (await ask('Folder of the JSONL files?', 'data'));
  const absolute = resolve(host.cwd, given);
  const written = relative(dirname(path), absolute) || '.';
  const found = readFolder(absolute, written);
  if (found && found.files.length > 0) return found;
  throw new UsageError(
    `${absolute} ${found ? 'holds no .jsonl file' : 'is no folder'}`,
    'give the folder that holds train.jsonl, one JSON object a line: --path FOLDER',
  );
}

function nameOf(path: string): string {
  const name = basename(path, extname(path))
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return /^[a-z]/.test(name) ? name : `pipeline-${name}`;
}

function one<T extends string>(found: string, known: readonly T[], option: string): T {
  const match = known.find((name) => name === found);
  if (match !== undefined) return match;
  throw new UsageError(`${option} expects ${known.join(' or ')}, found ${JSON.stringify(found)}`);
}

function some<T extends string>(found: string, known: readonly T[], option: string): readonly T[] {
  const names = found.split(/[\s,]+/).filter((name) => name !== '');
  const unknown = names.find((name) => !known.includes(name as T));
  if (unknown === undefined && names.length > 0) return [...new Set(names)] as T[];
  throw new UsageError(
    `${option} knows no ${JSON.stringify(unknown ?? found)}`,
    `write some of ${known.join(', ')}, with commas between them`,
  );
}

function whole(found: string): number {
  const number = Number(found);
  if (Number.isInteger(number) && number >= 1) return number;
  throw new UsageError(`--seeds expects a whole number of at least 1, found ${JSON.stringify(found)}`);
}
