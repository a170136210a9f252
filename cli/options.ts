import { UsageError } from './exit.js';
import type { Options } from './command.js';

/** All values of an option that may be repeated. */
export function texts(options: Options, name: string): string[] {
  const value = options[name];
  if (value === undefined || typeof value === 'boolean') return [];
  return (Array.isArray(value) ? value : [value]).map(String);
}

export function text(options: Options, name: string): string | undefined {
  const values = texts(options, name);
  if (values.length <= 1) return values[0];
  throw new UsageError(`--${name} may be given once, found ${values.length} values`);
}

export function flag(options: Options, name: string): boolean {
  return options[name] === true;
}

/** `name=value` options as a map; the value may hold further `=`. */
export function assignments(options: Options, name: string, flags: string): Record<string, string> {
  const result: Record<string, string> = {};
  for (const item of texts(options, name)) {
    const at = item.indexOf('=');
    if (at < 1) {
      throw new UsageError(
        `${flags} expects name=value, found ${JSON.stringify(item)}`,
        `write ${flags} name=value, without spaces around =`,
      );
    }
    const key = item.slice(0, at);
    if (key in result) throw new UsageError(`${flags} ${key} is given twice`, 'keep one of them');
    result[key] = item.slice(at + 1);
  }
  return result;
}

/** A whole number of at least 1, or undefined where the option is absent. */
export function positiveInteger(options: Options, name: string): number | undefined {
  const value = text(options, name);
  if (value === undefined) return undefined;
  const number = Number(value);
  if (Number.isInteger(number) && number >= 1) return number;
  throw new UsageError(`--${name} expects a whole number of at least 1, found ${JSON.stringify(value)}`);
}
