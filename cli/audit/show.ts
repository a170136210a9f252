/** What an audit found, for people and for scripts. */
import type { Difference } from '../../runner/audit/compare.js';
import type { CliHost } from '../host.js';
import { printJson } from '../load.js';
import { clean, columns, counted, duration } from '../text.js';
import type { Audited } from './rerun.js';

export interface Audit {
  readonly seed: number;
  /** How many results the sample was drawn from. */
  readonly hits: number;
  readonly audited: readonly Audited[];
}

/** Differences that are shown of one cell. */
const shown = 10;

const verdicts = ['same', 'within', 'different', 'failed', 'tainted'] as const;

const words: Readonly<Record<Audited['verdict'], string>> = {
  same: 'same',
  within: 'within tolerance',
  different: 'different',
  failed: 'failed',
  tainted: 'tainted',
};

export function printAudit(audit: Audit, json: boolean, host: CliHost): void {
  if (json) printJson(auditJson(audit), host);
  else host.stdout.write(clean(`${auditLines(audit).join('\n')}\n`));
}

const countOf = ({ audited }: Audit, verdict: Audited['verdict']): number =>
  audited.filter((one) => one.verdict === verdict).length;

function auditJson(audit: Audit): Record<string, unknown> {
  const { seed, hits, audited } = audit;
  return {
    seed,
    hits,
    cells: audited.map(({ cell, pipeline, record, again, verdict, message, largest, differences }) => ({
      id: cell,
      pipeline,
      key: record.key,
      record: record.digest,
      ...(again ? { again: again.digest } : {}),
      verdict,
      ...(message === undefined ? {} : { message }),
      ...(largest ? { largest } : {}),
      differences,
      seconds: record.record.seconds,
      ...(again ? { seconds_again: again.record.seconds } : {}),
    })),
    counts: Object.fromEntries(verdicts.map((verdict) => [verdict, countOf(audit, verdict)])),
  };
}

function auditLines(audit: Audit): readonly string[] {
  const { seed, hits, audited } = audit;
  const rows = audited.map((one) => [words[one.verdict], one.cell, detailOf(one)]);
  const parts = verdicts.flatMap((verdict) => {
    const count = countOf(audit, verdict);
    return count === 0 ? [] : [`${count} ${words[verdict]}`];
  });
  const [firstOther] = audited.filter(({ verdict }) => verdict === 'different');
  return [
    ...columns(rows),
    ...audited.flatMap(differenceLines),
    `audited ${audited.length} of ${counted(hits, 'result')} (--seed ${seed}): ${parts.join(', ')}`,
    ...(firstOther
      ? [
          `the results that stood are served as before; \`moft show ${firstOther.cell} --all\` lists the others, \`moft pin\` chooses one`,
        ]
      : []),
  ];
}

function detailOf({ verdict, message, largest, record, again }: Audited): string {
  if (message !== undefined) return message;
  if (verdict === 'tainted')
    return 'its code, or what it reads in place, changed while it ran: audit it again';
  const time = again ? `${duration(again.record.seconds)}, was ${duration(record.record.seconds)}` : '';
  return largest ? `${time}; largest difference ${numbers(largest)}` : time;
}

const numbers = ({ file, field, before, after, distance }: Difference): string =>
  `${(distance ?? 0).toPrecision(3)} (${place({ file, field })}: ${before}, now ${after})`;

const place = ({ file, field }: { readonly file: string; readonly field?: string | undefined }): string =>
  field === undefined ? file : `${file} ${field}`;

function differenceLines({ cell, differences }: Audited): readonly string[] {
  if (differences.length === 0) return [];
  const more = differences.length - shown;
  return [
    `${cell}: ${counted(differences.length, 'difference')}`,
    ...columns(
      differences
        .slice(0, shown)
        .map((one) => ['   ', one.file, one.field ?? '', `${one.before}, now ${one.after}`]),
    ),
    ...(more > 0 ? [`    and ${more} more`] : []),
  ];
}
