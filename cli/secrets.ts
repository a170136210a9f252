import type { Plan } from '../runner/plan/index.js';
import type { Diagnostic } from '../runner/pipeline.js';

/** Secrets that cells which may run declare and this environment has not: one a stage and variable. */
export function missingSecrets(
  { cells }: Pick<Plan, 'cells'>,
  env: Readonly<Record<string, string | undefined>>,
): readonly Diagnostic[] {
  const found = new Map<string, Diagnostic>();
  for (const { cell, status } of cells) {
    if (status === 'hit') continue;
    for (const name of cell.secrets.filter((secret) => (env[secret] ?? '') === ''))
      found.set(`${cell.stage} ${name}`, {
        ...cell.place,
        code: 'secret',
        message: `the stage ${cell.stage} needs the secret ${name}, which is not set`,
        hint: `set it in the environment: \`export ${name}=...\``,
      });
  }
  return [...found.values()];
}
