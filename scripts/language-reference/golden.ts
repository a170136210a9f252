/**
 * A golden file: what it documents, YAML, a line `---`, and what moft makes of it.
 *
 * The first lines may place it in docs/language.md: `# doc: <topic> <order>: <rule>`, and `# shows: <stages>` for the
 * stages whose cells the page shows, with `+settings` for their settings or `+ids` for nothing but their names. These
 * lines are no part of the YAML; `# options: {...}`, which says how it is checked, is.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Golden {
  /** Of the file, without its ending. */
  readonly name: string;
  readonly doc?: { readonly topic: string; readonly order: number; readonly rule: string };
  readonly shows: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
  /** The lines above the YAML, which are no part of it. */
  readonly head: string;
  readonly yaml: string;
  readonly expected: string;
}

const headPattern = /^(?:# (?:doc|shows): .*\n)*/;
const separator = '\n---\n';

export function parseGolden(name: string, text: string): Golden {
  const head = headPattern.exec(text)?.[0] ?? '';
  const at = text.lastIndexOf(separator);
  const yaml = text.slice(head.length, at < 0 ? undefined : at + 1);
  const options = /^# options: (.*)$/m.exec(yaml)?.[1];
  const doc = /^# doc: ([a-z-]+) (\d+): (.*)$/m.exec(head);
  const shows = /^# shows: (.*)$/m.exec(head)?.[1];
  return {
    name,
    ...(doc === null ? {} : { doc: { topic: doc[1] ?? '', order: Number(doc[2]), rule: doc[3] ?? '' } }),
    shows: shows?.split(/\s+/) ?? [],
    options: options === undefined ? {} : (JSON.parse(options) as Record<string, unknown>),
    head,
    yaml,
    expected: at < 0 ? '' : text.slice(at + separator.length),
  };
}

const ending = '.golden';

export const goldenFiles = (folder: string): readonly Golden[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith(ending))
    .sort()
    .map((file) => parseGolden(file.slice(0, -ending.length), readFileSync(join(folder, file), 'utf8')));
