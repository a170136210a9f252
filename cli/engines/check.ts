/** `moft backend check`: the conformance suite on one engine. */
import type { EngineName } from '../../stages/backend/engine-info.js';
import type { CheckResult } from '../../stages/lm/conformance/checks.js';
import { exitCode, type ExitCode } from '../exit.js';
import type { CliHost } from '../host.js';
import { printJson, printProblem } from '../load.js';
import { clean, columns } from '../text.js';
import { askEngine } from './ask.js';

export async function checkEngine(engine: EngineName, json: boolean, host: CliHost): Promise<ExitCode> {
  const changed = await changedLibraries(engine, host);
  if (changed.length > 0) {
    const message = `${changed.join(' and ')} changed since the addon was linked`;
    printProblem({ message, hint: 'run `moft backend link` again' }, host);
    return exitCode.environment;
  }
  const asked = await askEngine(engine, 'check', host);
  if (!asked.ok) {
    if (json) printJson({ ok: false, engine, error: asked.error }, host);
    printProblem({ message: asked.error }, host);
    return exitCode.environment;
  }
  const { info, answer: checks } = asked.value;
  const passed = checks.every((check) => check.passed);
  if (json) printJson({ ok: passed, engine, info, checks }, host);
  else
    await printChecks(
      `${info.backend} ${info.version}${info.device === undefined ? '' : ` on ${info.device}`}`,
      checks,
      host,
    );
  return passed ? exitCode.done : exitCode.failed;
}

async function changedLibraries(engine: EngineName, host: CliHost): Promise<string[]> {
  if (engine !== 'tensorflow') return [];
  const { changedLibraries: changed } = await import('../../stages/backend/manage/verify.js');
  const { enginesFolder } = await import('../../stages/backend/places.js');
  return changed(enginesFolder(host.env));
}

async function printChecks(title: string, checks: readonly CheckResult[], host: CliHost): Promise<void> {
  const { describeCheck } = await import('../../stages/lm/conformance/checks.js');
  const rows = checks.map(({ name, measured, most, passed }) => [
    passed ? 'ok' : 'FAILED',
    name,
    `${Number(measured.toPrecision(2))} of at most ${most}`,
    describeCheck(name),
  ]);
  for (const line of [title, ...columns(rows)]) host.stdout.write(`${clean(line)}\n`);
}
