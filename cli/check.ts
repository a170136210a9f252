import { jsonOption, valueOptions, type CommandSpec, type Options } from './command.js';
import { exitCode, UsageError, type ExitCode } from './exit.js';
import type { CliHost } from './host.js';
import { checkText, load, type Loaded, printDiagnostics, printJson, printWarnings } from './load.js';
import { plainDiagnostic } from './errors.js';
import { describeFix, mend, replaceFile } from './mend.js';
import { flag } from './options.js';
import { clean, counted } from './text.js';

const spec: CommandSpec = {
  usage: 'check <file>',
  description: 'Check a pipeline file: all its errors at once; runs nothing',
  options: [
    ...valueOptions,
    ['--fix', 'Apply the fixes that hints offer, as long as each leaves less to mend, and write the file'],
    jsonOption,
  ],
  examples: [
    'check pipelines/quickstart.yaml',
    'check experiment.yaml -p alpha=0.1 --json',
    'check experiment.yaml --fix',
  ],
  async run([file], options, host) {
    const loaded = await load(file, options, host);
    if (flag(options, 'fix') && loaded.diagnostics.length > 0) return fix(loaded, options, host);
    if (flag(options, 'json')) printJson({ ok: isGood(loaded), ...findings(loaded) }, host);
    else await print(loaded, host);
    return isGood(loaded) ? exitCode.done : exitCode.wrong;
  },
};
export default spec;

const isGood = ({ diagnostics, pipeline }: Loaded): boolean =>
  diagnostics.length === 0 && pipeline !== undefined;

const findings = ({ diagnostics, warnings }: Loaded): Record<string, unknown> => ({
  errors: diagnostics.map(plainDiagnostic),
  warnings: warnings.map(plainDiagnostic),
});

async function print(loaded: Loaded, host: CliHost): Promise<void> {
  const { diagnostics, warnings, file, pipeline } = loaded;
  await printWarnings(warnings, file, host);
  if (pipeline === undefined || diagnostics.length > 0) {
    await printDiagnostics(diagnostics, loaded, host);
    return;
  }
  for (const remark of pipeline.remarks) host.stdout.write(clean(`note: ${remark}\n`));
  const size = `${counted(pipeline.stages.length, 'stage')}, ${counted(pipeline.cells.length, 'cell')}`;
  const warned = warnings.length === 0 ? '' : `, ${counted(warnings.length, 'warning')}`;
  host.stdout.write(clean(`${pipeline.name}: no errors${warned}; ${size}\n`));
}

/** Mends the file as far as fixes go, and says what was changed and what is left. */
async function fix({ file, text }: Loaded, options: Options, host: CliHost): Promise<ExitCode> {
  const [{ applyFix }, analyze] = await Promise.all([
    import('../runner/language/index.js'),
    checkText(file, options, host),
  ]);
  const mended = mend(
    text,
    (now) => analyze(now).diagnostics,
    (now, one) => applyFix({ file, text: now }, one),
  );
  if (mended.applied.length > 0) write(file, mended.text);
  const now: Loaded = { file, text: mended.text, ...analyze(mended.text) };
  if (flag(options, 'json')) {
    const fixed = mended.applied.map(({ diagnostic, ...one }) => ({
      ...plainDiagnostic(diagnostic),
      title: one.fix.title,
    }));
    printJson({ ok: isGood(now), fixed, ...findings(now) }, host);
  } else {
    for (const one of mended.applied) host.stdout.write(clean(describeFix(one)));
    await print(now, host);
    if (mended.applied.length === 0)
      host.stderr.write('moft: no error of this file has a fix that mends it; nothing was written\n');
  }
  return isGood(now) ? exitCode.done : exitCode.wrong;
}

function write(file: string, text: string): void {
  try {
    replaceFile(file, text);
  } catch (error) {
    throw new UsageError(`${file} cannot be written (${(error as Error).message})`);
  }
}
