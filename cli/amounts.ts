/** Sizes and times as they are typed on the command line. */
import { parseDuration, unitBytes } from '../runner/language/settings.js';
import type { Options } from './command.js';
import { UsageError } from './exit.js';
import { text } from './options.js';

/** As it is typed: `minAge` is `--min-age`. */
const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** Bytes, or undefined where the option is absent. */
export function size(options: Options, name: string): number | undefined {
  const value = text(options, name);
  if (value === undefined) return undefined;
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([KMGT]?i?B)$/.exec(value) ?? [];
  const factor = unitBytes[unit ?? ''];
  if (number !== undefined && factor !== undefined) return Math.floor(Number(number) * factor);
  throw new UsageError(
    `--${kebab(name)} expects a size with its unit, found ${JSON.stringify(value)}`,
    'write it like 500MB or 20GiB',
  );
}

/** Seconds, or undefined where the option is absent. Nothing needs no unit. */
export function seconds(options: Options, name: string): number | undefined {
  const value = text(options, name);
  if (value === undefined) return undefined;
  const parsed = /^0(?:ms|s|min|m|h|d)?$/.test(value) ? 0 : parseDuration(value);
  if (parsed !== undefined) return parsed;
  throw new UsageError(
    `--${kebab(name)} expects a time with its unit, found ${JSON.stringify(value)}`,
    'write it like 30m, 24h or 7d',
  );
}
