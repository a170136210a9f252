/**
 * Folders of Hugging Face datasets: what `save_to_disk` writes (Arrow), and the files of a dataset repository, whose
 * splits are named in its README or by the names of its files, in the order and with the words of the library.
 */
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { StageFailure, type ArtifactRef } from '../../runner/contract.js';
import { err, ok, type Result } from '../../schemas/result.js';
import { filePattern } from './file-pattern.js';

/** Files of each split, by the names that the dataset gives them. */
export type SplitFiles = ReadonlyMap<string, readonly string[]>;

type Names = readonly string[];

/** Where a split stands that the dataset doesn't name. */
const theOnly = 'train';

/**
 * Finds the files of each split.
 *
 * @param config one of the configurations that the README names; undefined: the only one, or the default one
 */
export async function findSplits(folder: ArtifactRef, config: string | undefined): Promise<SplitFiles> {
  const names = Object.keys(folder.files ?? {}).sort();
  const text = async (name: string): Promise<string | undefined> => {
    const path = folder.files?.[name];
    return path === undefined ? undefined : readFile(path, 'utf8');
  };
  const saved = (await savedSplits(text)) ?? (await savedTogether(text));
  if (saved) {
    if (config !== undefined) throw wrong(`expected a dataset with configurations, found one that was saved`);
    return saved;
  }
  const readme = await text('README.md');
  const configs = readme === undefined ? [] : configsOf(readme);
  if (configs.length > 0) return chooseConfig(configs, config, names);
  if (config !== undefined)
    throw wrong(`expected a README.md that names the configuration ${JSON.stringify(config)}, found none`);
  const found = splitsByName(names.filter(isData));
  if (found.size > 0) return found;
  const present = names.slice(0, 8).join(', ') || 'an empty folder';
  throw wrong(`expected ${extensions.join(', ')} files, or what save_to_disk writes; found ${present}`);
}

const wrong = (message: string): StageFailure => new StageFailure('user', 'no-dataset', message);

const json = (text: string, name: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    throw wrong(`expected JSON in ${name}, found something else`);
  }
};

/** DatasetDict.save_to_disk: dataset_dict.json names the splits, each a folder of its own. */
async function savedSplits(
  text: (name: string) => Promise<string | undefined>,
): Promise<SplitFiles | undefined> {
  const dict = await text('dataset_dict.json');
  if (dict === undefined) return undefined;
  const { splits = [] } = json(dict, 'dataset_dict.json') as { splits?: Names };
  const found = await Promise.all(
    splits.map(async (split): Promise<[string, Names]> => {
      const state = await text(`${split}/state.json`);
      if (state === undefined) throw wrong(`expected ${split}/state.json, found none: the copy isn't whole`);
      return [split, filesOfState(state, `${split}/`)];
    }),
  );
  return new Map(found);
}

/** Dataset.save_to_disk: one split, of which nothing says the name. */
async function savedTogether(
  text: (name: string) => Promise<string | undefined>,
): Promise<SplitFiles | undefined> {
  const state = await text('state.json');
  return state === undefined ? undefined : new Map([[theOnly, filesOfState(state, '')]]);
}

function filesOfState(state: string, folder: string): Names {
  const { _data_files: files = [] } = json(state, `${folder}state.json`) as {
    _data_files?: readonly { readonly filename: string }[];
  };
  return files.map(({ filename }) => folder + filename);
}

interface Config {
  readonly name: string;
  readonly isDefault: boolean;
  /** What its files are below: empty, or with a slash behind it. */
  readonly folder: string;
  /** By split; undefined: the names of its files tell. */
  readonly patterns: ReadonlyMap<string, Names> | undefined;
}

/** `configs` of the YAML at the head of a README. */
function configsOf(readme: string): readonly Config[] {
  const head = /^---\r?\n([\s\S]*?)\r?\n---/.exec(readme)?.[1];
  const parsed = head === undefined ? undefined : yaml(head);
  if (typeof parsed !== 'object' || parsed === null || !('configs' in parsed)) return [];
  const { configs } = parsed;
  return Array.isArray(configs) ? configs.flatMap((one) => configOf(one as WrittenConfig)) : [];
}

function yaml(head: string): unknown {
  try {
    return parse(head);
  } catch {
    throw wrong('expected YAML between the dashes of README.md, found something else');
  }
}

interface WrittenConfig {
  readonly config_name?: unknown;
  readonly default?: unknown;
  readonly data_dir?: unknown;
  readonly data_files?: unknown;
}

function configOf({
  config_name: name,
  default: isDefault,
  data_dir: written,
  data_files: files,
}: WrittenConfig) {
  if (typeof name !== 'string') return [];
  const bare = typeof written === 'string' ? written.replace(/^(\.?\/)+|^\.$|\/+$/g, '') : '';
  const folder = bare === '' ? '' : `${bare}/`;
  const patterns = files === undefined ? undefined : new Map(patternsOf(files, folder));
  return [{ name, isDefault: isDefault === true, folder, patterns }];
}

function patternsOf(files: unknown, folder: string): [string, Names][] {
  const listed = (paths: unknown): Names => [paths].flat().map((path) => folder + String(path));
  if (!Array.isArray(files) || !files.every((one) => typeof one === 'object' && one !== null))
    return [[theOnly, listed(files)]];
  const splits = files as readonly { readonly split?: string; readonly path?: unknown }[];
  return splits.map(({ split = theOnly, path }) => [split, listed(path)]);
}

function chooseConfig(configs: readonly Config[], name: string | undefined, names: Names): SplitFiles {
  const all = configs.map((config) => config.name).join(', ');
  const usual = configs.find(({ isDefault }) => isDefault) ?? configs.find((one) => one.name === 'default');
  const chosen =
    name === undefined
      ? (usual ?? (configs.length === 1 ? configs[0] : undefined))
      : configs.find((config) => config.name === name);
  if (!chosen && name === undefined)
    throw wrong(`expected \`config\` to choose among ${all}; README.md makes none of them the default`);
  if (!chosen) throw wrong(`expected one of the configurations ${all}, found ${JSON.stringify(name)}`);
  return chosen.patterns ? splitsByPatterns(chosen.patterns, names) : splitsBelow(chosen.folder, names);
}

function splitsByPatterns(patterns: ReadonlyMap<string, Names>, names: Names): SplitFiles {
  return new Map(
    [...patterns].map(([split, each]) => {
      const files = each.flatMap((pattern) => names.filter(matching(pattern)));
      if (files.length === 0)
        throw wrong(`expected files ${each.join(', ')} of the split ${split}, found none`);
      return [split, files];
    }),
  );
}

/** Splits by the names of files as they are in the folder. */
function splitsBelow(folder: string, names: Names): SplitFiles {
  const below = names.filter((name) => name.startsWith(folder)).map((name) => name.slice(folder.length));
  const found = splitsByName(below.filter(isData));
  if (found.size === 0)
    throw wrong(`expected ${extensions.join(', ')} files in ${folder || 'it'}, found none`);
  return new Map([...found].map(([split, files]) => [split, files.map((file) => folder + file)]));
}

function matching(pattern: string): (name: string) => boolean {
  const test = filePattern(pattern);
  if (!test.ok) throw wrong(`expected ${test.error} in README.md`);
  return test.value;
}

const extensions = ['.parquet', '.jsonl', '.json', '.csv', '.tsv', '.arrow'] as const;
export type Extension = (typeof extensions)[number];

/** Of a file of rows, below `.gz` where it has that; undefined for other files. */
export function extensionOf(name: string): Extension | undefined {
  const bare = name.replace(/\.gz$/, '');
  return extensions.find((extension) => bare.endsWith(extension));
}

const isData = (name: string): boolean =>
  extensionOf(name) !== undefined &&
  !/(^|\/)(\.|__[^/]*\/|(config|dataset_infos?|dataset_dict)\.json$)/.test(name);

/** Words for a split in the names of files and folders, as the library looks for them. */
const words: Readonly<Record<string, Names>> = {
  train: ['train', 'training'],
  validation: ['validation', 'valid', 'dev', 'val'],
  test: ['test', 'testing', 'eval', 'evaluation'],
};

/**
 * In the three steps of the library, of which the first that finds a file decides all: shards in `data/` by what stands
 * before their numbers, whatever it is; words in names of folders; words in names of files. Else all is `train`.
 */
function splitsByName(names: Names): SplitFiles {
  const steps = [
    shards,
    byWord((name) => name.split('/').slice(0, -1)),
    byWord((name) => name.split('/').slice(-1)),
  ];
  for (const step of steps) {
    const found = step(names);
    if (found.size > 0) return found;
  }
  return names.length === 0 ? new Map() : new Map([[theOnly, names]]);
}

function shards(names: Names): SplitFiles {
  const found = new Map<string, string[]>();
  for (const name of names) {
    const split = /^data\/([^/]+)-\d{5}-of-\d{5}[^/]*\.[^/]*$/.exec(name)?.[1];
    if (split !== undefined) found.set(split, [...(found.get(split) ?? []), name]);
  }
  const usual = Object.keys(words).filter((split) => found.has(split));
  const order = new Set([...usual, ...[...found.keys()].sort()]);
  return new Map([...order].map((split) => [split, found.get(split) ?? []]));
}

/** @param partsOf what of a file's name may say the split */
function byWord(partsOf: (name: string) => Names): (names: Names) => SplitFiles {
  return (names) => {
    const found = Object.entries(words).flatMap(([split, alternatives]): [string, Names][] => {
      const word = new RegExp(`^(.*[-._ 0-9])?(${alternatives.join('|')})([-._ 0-9].*)?$`);
      const files = names.filter((name) => partsOf(name).some((part) => word.test(part)));
      return files.length === 0 ? [] : [[split, files]];
    });
    return new Map(found);
  };
}

/** The files of a split, by its name in the dataset. */
export function filesOf(splits: SplitFiles, name: string): Result<Names, string> {
  const files = splits.get(name);
  return files ? ok(files) : err([...splits.keys()].join(', '));
}
