import type { CommandSpec } from './command.js';

/**
 * `-j2` as `-j=2`, and `-palpha=0.1` as `-p=alpha=0.1`: the parser would take the letters for so many switches.
 * What stands behind `--` is left alone.
 */
export function attachedValues(argv: readonly string[], specs: readonly CommandSpec[]): readonly string[] {
  const flags = specs.flatMap(({ options }) => options.map(([text]) => text));
  const taking = new Set(flags.flatMap((text) => /^-([a-z]), .*</.exec(text)?.[1] ?? []));
  const end = argv.indexOf('--');
  return argv.map((word, index) => {
    const [, letter = '', value = ''] = /^-([a-z])([^=].*)$/s.exec(word) ?? [];
    return taking.has(letter) && (end < 0 || index < end) ? `-${letter}=${value}` : word;
  });
}
