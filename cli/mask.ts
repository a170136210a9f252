/** Masks secrets in what is kept of the project's files: by their values, by their names, and by the looks of them. */
import { patternsOf, Redactor } from '../runner/execute/worker/workshop/secrets.js';
import type { CliHost } from './host.js';

/** Named so, a file is there to hold secrets. */
const secretFile =
  /(^|\/)(\.env[^/]*|\.netrc|\.npmrc|\.pypirc|id_[a-z0-9]+|[^/]*\.(pem|key|p12|pfx|keystore))$/;
/** In the name of what holds a secret: of a variable of the environment, or of what a file assigns a value to. */
const words = String.raw`token|secret|passw(?:or)?d|passphrase|(?:api|access|private|secret)[_-]?key|credentials?`;
const secretName = new RegExp(String.raw`${words}|_(?:pass|pwd)$`, 'i');
/** In files also `db_password_prod`, and short words that other words may end with. */
const fileWords = String.raw`${words}|passw(?:or)?d[_-][\w-]+|(?<![a-z])(?:pwd|pass)`;
const shortestValue = 8;

/** Of a configuration file a value is what stands there; elsewhere a word may be the name of one. */
const configuration = /\.(ya?ml|toml|ini|cfg|conf|properties|env|tfvars|sh)$|(^|\/)[^./]+$/;

const blanks = '[ \\t]*';
/** `api_key`, `"accessToken"`, `environ["HF_TOKEN"]`, `--password`, `token: str`. */
const name = String.raw`[\w.-]*(?:${fileWords})\\?["']?\]?(?:\??:${blanks}[\w.[\]|]+${blanks}(?==))?`;
const assigned = (separators: string): string =>
  String.raw`(?<=${name}${blanks}(?::=|=>|[${separators}]|(?<=--[\w-]+)[ ])${blanks}`;

const written: readonly RegExp[] = [
  // Tokens of known services.
  /\b(?:hf_[A-Za-z0-9]{20,}|sk-[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{20,}|glpat-[\w-]{20,}|xox[abprs]-[\w-]{10,}|AKIA[0-9A-Z]{16})/g,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$(?![^]))/g,
  // Passwords of addresses, and headers.
  /(?<=:\/\/[^\s/:@"']*:)[^\s/@"']+(?=@)/g,
  /(?<=\bauthorization\\?["']?[ \t]*[:=,][ \t]*\\?["']?(?:bearer|basic|token)[ \t]+)[^\s"'\\]+/gi,
  // What a variable is named as in the environment.
  /(?<=\b[A-Z0-9_]*(?:TOKEN|SECRET|PASSWORD|PASSWD|API_KEY)[A-Z0-9_]*["']?\s*[:=]\s*["']?)[^\s"',;]{8,}/g,
  new RegExp(String.raw`${assigned(':=,')}\\?["'])[^"'\n]{${shortestValue},}(?=["'])`, 'gi'),
];
const unquoted = new RegExp(String.raw`${assigned(':=')})[^\s"',;][^\n]*`, 'gi');

/** Values of variables that are declared secret, or named so. */
function valuesOf(env: CliHost['env'], declared: readonly string[]): { name: string; value: string }[] {
  return Object.entries(env).flatMap(([name, value]) => {
    const secret =
      declared.includes(name) || (secretName.test(name) && (value?.length ?? 0) >= shortestValue);
    return secret && value !== undefined ? [{ name, value }] : [];
  });
}

/** What masks the difference of a file that has these names, before and after; without any it may hold anything. */
export function maskOf(
  env: CliHost['env'],
  declared: readonly string[],
): (difference: string, files: readonly string[]) => string {
  const values = new Redactor(patternsOf(valuesOf(env, declared)));
  return (difference, files) => {
    const [head = ''] = difference.split('\n', 1);
    const file = files.at(-1);
    if (file === undefined || files.some((one) => secretFile.test(one)))
      return `${values.text(head)}\n[left out: by its name it holds secrets]\n`;
    const shown = written.reduce((text, form) => text.replace(form, '***'), values.text(difference));
    const isConfiguration = configuration.test(file);
    return shown.replace(unquoted, (rest) => (isConfiguration ? maskedLine(rest) : maskedWord(rest)));
  };
}

/** What refers to a value, is none, or was masked before. */
const harmless = /^(?:\$\{|\$\(|\$[A-Za-z_.]+$|<[^<>]*>$|\*\*\*)/;

function maskedLine(rest: string): string {
  const value = rest.trimEnd();
  return value.length < shortestValue || harmless.test(value) ? rest : '***';
}

/** Code says `token = next_token` and `token = read(path)`: a secret has digits, and is called by nobody. */
function maskedWord(rest: string): string {
  const [word = ''] = /^[^\s"',;]+/.exec(rest) ?? [];
  const isSecret =
    word.length >= shortestValue && /\d/.test(word) && !/[()[\]{}<>]/.test(word) && !harmless.test(word);
  return isSecret ? `***${rest.slice(word.length)}` : rest;
}
