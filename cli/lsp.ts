import type { CommandSpec } from './command.js';
import { exitCode } from './exit.js';

const spec: CommandSpec = {
  usage: 'lsp',
  description: 'Language server for editors, on stdin and stdout: what a schema can not say',
  options: [['--stdio', 'Speak over stdin and stdout (the only way; for editors that always say so)']],
  examples: ['lsp', 'lsp --stdio'],
  async run(_args, _options, host) {
    const [{ serve }, registry] = await Promise.all([import('./lsp/server.js'), host.kinds()]);
    await serve({ input: process.stdin, output: process.stdout, registry });
    return exitCode.done;
  },
};
export default spec;
