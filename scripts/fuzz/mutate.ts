/** Mutations of YAML text, reproducible from a seed. */

/** A stream of numbers in [0, 1) from a seed (mulberry32). */
export function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const fragments = [
  ...[
    '{',
    '}',
    '[',
    ']',
    ': ',
    ':',
    '- ',
    '? ',
    ', ',
    ',',
    '\n',
    '\n  ',
    '  ',
    '\t',
    '\r\n',
    '\r',
    '"',
    "'",
    '|',
    '>',
    '#',
  ],
  ...[
    '$',
    '$$',
    '$params.',
    '$matrix.',
    '${',
    '(',
    ')',
    '(*)',
    '=*',
    '.',
    '&a ',
    '*a',
    '!!str ',
    '!x ',
    '%YAML 1.2\n',
    '---\n',
    '...\n',
  ],
  ...[
    'null',
    '~',
    '.inf',
    '.nan',
    '007',
    '1_000',
    '0,05',
    '1e999',
    '-0',
    '9007199254740993',
    '0x1F',
    '1e-400',
    '2h',
    '5%',
  ],
  ...[
    '<<: *a',
    'constructor',
    '__proto__: ',
    'toString',
    'hasOwnProperty',
    'seed',
    'ablation',
    'base',
    'zip',
    'exclude',
  ],
  ...[
    '\u0000',
    '\ud800',
    '\udc00',
    '\u2028',
    '\u0085',
    '\ufeff',
    '\u00a0',
    'é',
    '😀',
    'a\u0301',
    '@',
    '`',
    '\\',
    '\\u12',
  ],
];

type Mutator = (text: string, next: () => number, other: string) => string;

const pick = <T>(items: readonly T[], next: () => number): T => items[Math.floor(next() * items.length)] as T;
const at = (text: string, next: () => number): number => Math.floor(next() * (text.length + 1));
const splice = (text: string, from: number, remove: number, insert: string): string =>
  text.slice(0, from) + insert + text.slice(from + remove);

const lines = (text: string): string[] => text.split('\n');
const words = /[\w$./=*-]+|[^\s\w]/g;

/** Each makes one change; what it hits is drawn. */
export const mutators: Readonly<Record<string, Mutator>> = {
  flip: (text, next) => {
    const from = at(text, next);
    const code = text.charCodeAt(from) || 32;
    return splice(text, from, 1, String.fromCharCode(code ^ (1 << Math.floor(next() * 16))));
  },
  insert: (text, next) => splice(text, at(text, next), 0, pick(fragments, next)),
  remove: (text, next) => splice(text, at(text, next), 1 + Math.floor(next() * 30), ''),
  replace: (text, next) => splice(text, at(text, next), 1 + Math.floor(next() * 4), pick(fragments, next)),
  swapWords: (text, next) => {
    const found = [...text.matchAll(words)];
    if (found.length < 2) return text;
    const [a, b] = [pick(found, next), pick(found, next)].sort((x, y) => x.index - y.index);
    if (a === undefined || b === undefined || a.index === b.index) return text;
    const between = text.slice(a.index + a[0].length, b.index);
    return text.slice(0, a.index) + b[0] + between + a[0] + text.slice(b.index + b[0].length);
  },
  repeatLine: (text, next) => {
    const all = lines(text);
    const from = Math.floor(next() * all.length);
    return [...all.slice(0, from), all[from] ?? '', ...all.slice(from)].join('\n');
  },
  swapLines: (text, next) => {
    const all = lines(text);
    const [a, b] = [Math.floor(next() * all.length), Math.floor(next() * all.length)];
    return all
      .map((line, index) => (index === a ? (all[b] ?? '') : index === b ? (all[a] ?? '') : line))
      .join('\n');
  },
  indent: (text, next) => {
    const all = lines(text);
    const from = Math.floor(next() * all.length);
    const shift = pick([' ', '  ', '\t', '    '], next);
    return all.map((line, index) => (index >= from && index < from + 3 ? shift + line : line)).join('\n');
  },
  cut: (text, next) => text.slice(0, at(text, next)),
  splice: (text, next, other) => text.slice(0, at(text, next)) + other.slice(at(other, next)),
  nest: (text, next) => {
    const depth = Math.floor(2 ** (next() * 12));
    const [open, close] = pick(
      [
        ['[', ']'],
        ['{a: ', '}'],
        ['- ', ''],
        ['? ', ''],
      ] as const,
      next,
    );
    return splice(text, at(text, next), 0, open.repeat(depth) + 'x' + close.repeat(depth));
  },
  number: (text, next) => {
    const digits = '9'.repeat(Math.floor(2 ** (next() * 10)));
    const number = pick(
      [digits, `-${digits}`, `0.${digits}`, `1e${digits}`, `${digits}e-${digits}`, `0x${digits}`],
      next,
    );
    const found = [...text.matchAll(/\b\d[\d.]*\b/g)];
    if (found.length === 0) return splice(text, at(text, next), 0, number);
    const one = pick(found, next);
    return splice(text, one.index, one[0].length, number);
  },
  aliases: (text, next) => {
    const width = 2 + Math.floor(next() * 8);
    const levels = 2 + Math.floor(next() * 8);
    const bomb = Array.from({ length: levels }, (_, level) => {
      const of = level === 0 ? 'x' : `*b${String(level - 1)}`;
      return `  b${String(level)}: &b${String(level)} [${Array.from({ length: width }, () => of).join(', ')}]`;
    });
    return text.includes('params:')
      ? text.replace(/^params:.*$/m, `params:\n${bomb.join('\n')}`)
      : `${text}\nparams:\n${bomb.join('\n')}\n`;
  },
  long: (text, next) =>
    splice(text, at(text, next), 0, pick(['a', ' ', '\n', ', a', '$', '(', '-', '0'], next).repeat(2000)),
  axis: (text, next) => {
    const values = Array.from({ length: 2 + Math.floor(next() * 18) }, (_, index) => `v${String(index)}`);
    return text.replace(
      /matrix: \{/,
      () => `matrix: {big: [${values.join(', ')}], more: [${values.join(', ')}], `,
    );
  },
};

/** The text number `index` of a seed: one of the corpus after one to six mutations. */
export function mutant(corpus: readonly string[], seed: number, index: number): string {
  const next = numbers(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
  const names = Object.keys(mutators);
  let text = pick(corpus, next);
  for (let count = 1 + Math.floor(next() * 6); count > 0; count--) {
    const mutate = mutators[pick(names, next)];
    text = mutate?.(text, next, pick(corpus, next)) ?? text;
    if (text.length > 200_000) text = text.slice(0, 200_000);
  }
  return text;
}
