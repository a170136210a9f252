/** The YAML examples of the docs: each must be a pipeline without errors, or be followed by exactly its errors. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { kinds } from '../../cli/kinds.js';
import { analyze, formatDiagnostic } from '../../runner/language/index.js';
import { root } from './imports.js';

export interface Example {
  readonly file: string;
  /** Line of the fence, from 1. */
  readonly line: number;
  readonly yaml: string;
  /** The messages that the page shows below it; absent where none is shown. */
  readonly shown?: string;
}

const block = /^```yaml\n([^]*?)^```\n(?:\n```text\n([^]*?)```\n)?/gm;

/** Examples of one page; a YAML block without `stages:` is a fragment and is refused by the test. */
export function examplesOf(file: string): Example[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(block)].map(({ index, 1: yaml = '', 2: shown }) => ({
    file,
    line: text.slice(0, index).split('\n').length,
    yaml,
    ...(shown === undefined ? {} : { shown }),
  }));
}

/** What `moft check` prints of the example, in a file of its name; empty where there is no error. */
export function messagesOf(yaml: string): string {
  const name = /^name: (\S+)/m.exec(yaml)?.[1] ?? 'pipeline';
  const { diagnostics } = analyze(
    { file: `/docs/${name}.yaml`, text: yaml },
    {
      registry: kinds,
      workingFolder: '/docs',
      params: yaml.includes('folder: null') ? { folder: 'data' } : {},
    },
  );
  return diagnostics
    .map((diagnostic) => formatDiagnostic(diagnostic, yaml).replaceAll('/docs/', '') + '\n')
    .join('');
}

/** The page with the messages that its examples cause now. */
export function refreshed(file: string): string {
  return readFileSync(join(root, file), 'utf8').replace(block, (whole, yaml: string, shown?: string) =>
    shown === undefined ? whole : `\`\`\`yaml\n${yaml}\`\`\`\n\n\`\`\`text\n${messagesOf(yaml)}\`\`\`\n`,
  );
}
