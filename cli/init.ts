import { writeFileSync, existsSync } from 'node:fs';
import { basename, dirname, extname, relative, resolve } from 'node:path';
import { failureFromSystem } from '../runner/execute/failures.js';
import { errorCode } from '../runner/store/problem.js';
import type { CommandSpec, Options } from './command.js';
import { exitCode, UsageError } from './exit.js';
import type { CliHost } from './host.js';
import { readFolder, type Folder } from './init/folder.js';
import { methods, rewardsFor, template, type Answers } from './init/template.js';
import { relativeTo } from './load.js';
import { flag, text } from './options.js';
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
    if (errorCode(error) === 'EEXIST') refuseExisting(path);
    if (errorCode(error) === 'ENOENT')
      throw new UsageError(`there is no folder ${dirname(path)}`, 'make it first');
    throw new UsageError(`${path} can't be written: ${failureFromSystem(error).message}`);
  }
}

interface Question<T> {
  readonly option: string;
  readonly text: string;
  readonly standard: string;
  /** @throws UsageError */
  readonly read: (answer: string) => T;
}
type Answer = <T>(question: Question<T>) => Promise<T>;

/** An option as it is given, else what a person answers, who is asked until the answer will do, else the default. */
function answering(options: Options, host: CliHost): Answer {
  const ask = flag(options, 'yes') ? undefined : host.ask;
  return async ({ option, text: question, standard, read }) => {
    const given = text(options, option);
    if (given !== undefined || !ask) return read(given ?? standard);
    for (let tries = 0; ; tries += 1) {
      const answer = (await ask(`${question} [${standard}] `)).trim();
      try {
        return read(answer === '' ? standard : answer);
      } catch (error) {
        if (!(error instanceof UsageError) || tries === mostTries) throw error;
        const hint = error.hint === undefined ? '' : `; ${error.hint}`;
        host.stdout.write(clean(`${error.message.replace(/^--\S+ /, 'this question ')}${hint}\n`));
      }
    }
  };
}

/** Where input that is no person gives the same wrong answer for ever. */
const mostTries = 20;

async function answersOf(options: Options, path: string, host: CliHost): Promise<Answers> {
  const answer = answering(options, host);
  const data = await answer<'news' | 'jsonl'>({
    option: 'data',
    text: 'Text to train on: news or jsonl?',
    standard: 'news',
    read: (found) => one(found, ['news', 'jsonl'], '--data'),
  });
  const folder =
    data === 'jsonl'
      ? await answer({
          option: 'path',
          text: 'Folder of the JSONL files?',
          standard: 'data',
          read: (found) => folderOf(found, path, host),
        })
      : undefined;
  const known = rewardsFor[data];
  const rewards = await answer({
    option: 'rewards',
    text: `Rewards to trade off, of ${known.join(', ')}?`,
    standard: known.slice(0, 2).join(','),
    read: (found) => twoOrMore(some(found, known, '--rewards'), known),
  });
  const chosen = await answer({
    option: 'method',
    text: `Policies, of ${methods.join(', ')}?`,
    standard: 'soup,full',
    read: (found) => some(found, methods, '--method'),
  });
  const seeds = await answer({ option: 'seeds', text: 'Seeds?', standard: '2', read: whole });
  return {
    name: nameOf(path),
    data,
    rewards: [...rewards].sort(),
    methods: methods.filter((method) => chosen.includes(method)),
    seeds,
    ...(folder ? { folder } : {}),
  };
}

function twoOrMore<T extends string>(rewards: readonly T[], known: readonly T[]): readonly T[] {
  if (rewards.length > 1) return rewards;
  throw new UsageError(
    `--rewards expects two rewards or more, found ${rewards.join(', ')}`,
    `the rewards are ${known.join(', ')}`,
  );
}

function folderOf(given: string, path: string, host: CliHost): Folder {
  const absolute = resolve(host.cwd, given);
  const written = relative(dirname(path), absolute) || '.';
  const found = readFolder(absolute, written);
  if (found && found.files.length > 0) return found;
  throw new UsageError(
    `${absolute} ${found ? 'holds no .jsonl file' : 'is no folder'}`,
    'give the folder that holds train.jsonl, one JSON object a line',
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
