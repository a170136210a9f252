import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { CommandSpec } from './command.js';
import { exitCode, UsageError } from './exit.js';
import { text } from './options.js';
import { clean } from './text.js';

const spec: CommandSpec = {
  usage: 'schema',
  description: 'Print the JSON Schema of pipeline files, for editors and other tools',
  options: [['-o, --out <file>', 'Write it to a file']],
  examples: ['schema', 'schema --out pipeline.schema.json'],
  async run(_args, options, host) {
    const out = text(options, 'out');
    const [{ schemaText }, kinds] = await Promise.all([
      import('./pipeline-schema/assemble.js'),
      host.kinds(),
    ]);
    if (out === undefined) host.stdout.write(schemaText(kinds));
    else {
      write(resolve(host.cwd, out), schemaText(kinds));
      host.stderr.write(clean(`wrote ${out}\n`));
    }
    return exitCode.done;
  },
};
export default spec;

function write(file: string, content: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  } catch (error) {
    throw new UsageError(
      `cannot write ${file} (${(error as Error).message})`,
      'give a file that can be written',
    );
  }
}
