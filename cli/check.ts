import { jsonOption, valueOptions, type CommandSpec } from './command.js';
import { exitCode } from './exit.js';
import { load, printDiagnostics, printJson } from './load.js';
import { plainDiagnostic } from './errors.js';
import { flag } from './options.js';
import { clean, counted } from './text.js';

const spec: CommandSpec = {
  usage: 'check <file>',
  description: 'Check a pipeline file: all its errors at once; runs nothing',
  options: [...valueOptions, jsonOption],
  examples: ['check pipelines/quickstart.yaml', 'check experiment.yaml -p alpha=0.1 --json'],
  async run([file], options, host) {
    const loaded = await load(file, options, host);
    const { diagnostics, pipeline } = loaded;
    const good = diagnostics.length === 0 && pipeline !== undefined;
    if (flag(options, 'json')) printJson({ ok: good, errors: diagnostics.map(plainDiagnostic) }, host);
    else if (!good) await printDiagnostics(diagnostics, loaded, host);
    else {
      for (const remark of pipeline.remarks) host.stdout.write(clean(`note: ${remark}\n`));
      const size = `${counted(pipeline.stages.length, 'stage')}, ${counted(pipeline.cells.length, 'cell')}`;
      host.stdout.write(clean(`${pipeline.name}: no errors; ${size}\n`));
    }
    return good ? exitCode.done : exitCode.wrong;
  },
};
export default spec;
