import type { CommandSpec } from './command.js';
import { scripts } from './completion/scripts.js';
import { exitCode, UsageError } from './exit.js';

const shells = Object.keys(scripts);

const spec: CommandSpec = {
  usage: 'completion <shell>',
  description:
    'Print the completion of a shell (bash, zsh or fish): commands, options, files, ids of stages, cells and runs',
  options: [],
  examples: [
    'completion bash >> ~/.bashrc',
    'completion zsh >> ~/.zshrc',
    'completion fish > ~/.config/fish/completions/moft.fish',
  ],
  run([shell], _options, host) {
    const script = shell !== undefined && Object.hasOwn(scripts, shell) ? scripts[shell] : undefined;
    if (script === undefined)
      throw new UsageError(
        `there is no completion for ${JSON.stringify(shell ?? '')}`,
        `the shells are ${shells.join(', ')}`,
      );
    host.stdout.write(script);
    return Promise.resolve(exitCode.done);
  },
};
export default spec;
