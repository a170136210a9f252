/** Texts to mutate: the golden files and the pipelines. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const up = join(import.meta.dirname, '../..');
/** The project, from its sources or from what is built of them. */
const root = basename(up) === 'dist' ? join(up, '..') : up;

function textsIn(folder: string, ending: string): readonly string[] {
  return readdirSync(join(root, folder))
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => readFileSync(join(root, folder, name), 'utf8'));
}

/** What stands above the answer of a golden file. */
const yamlOf = (text: string): string => {
  const at = text.lastIndexOf('\n---\n');
  return at < 0 ? text : text.slice(0, at + 1);
};

export const corpus: readonly string[] = [
  ...textsIn('test/golden', '.golden').map(yamlOf),
  ...textsIn('pipelines', '.yaml'),
];

export const keptFolder = join(root, 'test/fuzz/kept');
export const kept = (): readonly string[] => readdirSync(keptFolder).filter((name) => name.endsWith('.yaml'));
