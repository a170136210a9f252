/** What a bench is asked for: options that take a value, and positive whole numbers or words, all checked. */

export interface Question {
  /** How it is called, and what for; what `--help` prints. */
  readonly usage: string;
  /** Names of options, each with a value. */
  readonly options?: readonly string[];
  /** Those of them that must be there. */
  readonly needs?: readonly string[];
  /** The words it takes; numbers without. */
  readonly words?: readonly string[];
  /** Most numbers or words; any count without. */
  readonly most?: number;
}

export interface Asked {
  readonly options: Readonly<Record<string, string | undefined>>;
  readonly numbers: readonly number[];
  readonly words: readonly string[];
}

/** Of this process; ends it, with the usage, for `--help` and for what the bench does not take. */
export function asked(question: Question, args: readonly string[] = process.argv.slice(2)): Asked {
  if (args.includes('--help') || args.includes('-h')) {
    console.log(`usage: ${question.usage}`);
    process.exit(0);
  }
  const found = read(question, args);
  if (typeof found !== 'string') return found;
  console.error(`error: ${found}\nusage: ${question.usage}`);
  process.exit(2);
}

/** What was asked, or what is wrong with it. */
export function read(
  { options = [], needs = [], words, most = Infinity }: Question,
  args: readonly string[],
): Asked | string {
  const given: Record<string, string> = {};
  const rest: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const [argument, joined] = split(args[i] ?? '');
    if (!argument.startsWith('-')) rest.push(argument);
    else if (!options.includes(argument.slice(2))) return `there is no option ${argument}`;
    else {
      const value = joined ?? args[++i];
      if (value === undefined || value === '') return `${argument} expects a value`;
      given[argument.slice(2)] = value;
    }
  }
  const missing = needs.find((name) => given[name] === undefined);
  if (missing !== undefined) return `--${missing} is missing`;
  if (rest.length > most) return `at most ${most} values are expected, found ${rest.join(' ')}`;
  const wrong = rest.find((value) => (words ? !words.includes(value) : !/^[1-9]\d*$/.test(value)));
  if (wrong !== undefined) return `expected ${words?.join(', ') ?? 'a positive number'}, found ${wrong}`;
  return { options: given, numbers: words ? [] : rest.map(Number), words: words ? rest : [] };
}

/** `--name=value` in two. */
function split(argument: string): [string, string | undefined] {
  const at = argument.startsWith('--') ? argument.indexOf('=') : -1;
  return at < 0 ? [argument, undefined] : [argument.slice(0, at), argument.slice(at + 1)];
}
