/** A golden file as the page shows it: the rule, the file, and what moft makes of it. */
import type { Golden } from './golden.js';

/** Longest answer that stands open, in lines. */
const longest = 12;

export function example(golden: Golden): string[] {
  const { doc, name, expected } = golden;
  const messages = expected.match(/^\S[^\n]*: (?:error|warning)\[.*\n(?: .*\n)*/gm) ?? [];
  const file = fenced('yaml', shownYaml(golden));
  return [
    `**${doc?.rule ?? ''}** ([${name}](../test/golden/${name}.golden))`,
    '',
    ...(messages.length > 0 && golden.options.fix !== true
      ? // A message quotes the lines that it is about.
        [...(lengthOf(golden.yaml) > 6 ? folded('the file', file) : file), ...opened(messages, 'messages')]
      : [...file, ...shownCells(golden)]),
  ];
}

const lengthOf = (text: string): number => text.trimEnd().split('\n').length;

/** As many parts as stand open, with what is said of the whole, and the rest folded. */
function opened(parts: readonly string[], rest: string, ofAll = ''): string[] {
  const fits = (end: number): boolean => end === 1 || lengthOf(parts.slice(0, end).join('')) <= longest;
  const first = parts.filter((_, at) => fits(at + 1));
  const more = parts.slice(first.length);
  const gap = more.length > 0 && ofAll !== '' ? '...\n' : '';
  return [
    ...fenced('text', `${first.join('')}${gap}${ofAll}`),
    ...(more.length === 0
      ? []
      : folded(
          `${String(more.length)} more ${more.length === 1 ? rest.slice(0, -1) : rest}`,
          fenced('text', more.join('')),
        )),
  ];
}

/** The YAML, its line of options as the command that gives them: lines keep their numbers. */
function shownYaml({ yaml, options }: Golden): string {
  return yaml.replace(/^# options: .*$/m, `# ${command(options)}`);
}

type Values = Readonly<Record<string, string>>;

function command({ preset, params, sets, fix, one, select }: Golden['options']): string {
  const pairs = (option: string, values: unknown): string[] =>
    Object.entries((values ?? {}) as Values).map(
      ([name, value]) => `${option} ${quoted(`${name}=${value}`)}`,
    );
  const selected = Object.entries((select ?? {}) as Values).map(
    ([name, cells]) => `--${name} ${quoted(cells)}`,
  );
  const verb = one !== undefined ? 'explain' : select !== undefined ? 'run' : 'check';
  return [
    `moft ${verb} test.yaml`,
    ...(one === undefined ? [] : [quoted(one as string)]),
    ...(preset === undefined ? [] : [`--preset ${preset as string}`]),
    ...pairs('-p', params),
    ...pairs('--set', sets),
    ...selected,
    ...(fix === true ? ['--fix'] : []),
  ].join(' ');
}

/** An argument of a shell, quoted where it must be. */
const quoted = (text: string): string => (/^[\w./=,:+-]+$/.test(text) ? text : `'${text}'`);

/** The cells of the stages to show, each with what it reads; settings only where they are the point. */
function shownCells({ expected, shows }: Golden): string[] {
  const stages = shows.filter((word) => !word.startsWith('+'));
  const blocks = expected.match(/^\S.*\n(?: .*\n)*/gm) ?? [];
  const cells = blocks
    .filter((block) => !ofAll.test(block) && (stages.length === 0 || stages.includes(stageOf(block))))
    .map((block) => narrowed(block, shows));
  return opened(cells, 'cells', blocks.filter((block) => ofAll.test(block)).join(''));
}

/** What is said of the file as a whole. */
const ofAll = /^(?:variant|remark)\b/;

const stageOf = (block: string): string => /^[^/\s]+/.exec(block)?.[0] ?? '';

function narrowed(block: string, shows: readonly string[]): string {
  const [name = '', ...lines] = block.trimEnd().split('\n');
  const kept = shows.includes('+ids')
    ? []
    : shows.includes('+settings')
      ? lines
      : lines.filter((line) => !/^ {2}(?:with \{|resources )/.test(line));
  return `${[name, ...kept].join('\n')}\n`;
}

function fenced(language: string, text: string): string[] {
  return [
    `\`\`\`${language}`,
    ...text
      .trimEnd()
      .split('\n')
      .map((line) => line.trimEnd()),
    '```',
    '',
  ];
}

const folded = (summary: string, lines: readonly string[]): string[] => [
  `<details><summary>${summary}</summary>`,
  '',
  ...lines,
  '</details>',
  '',
];
